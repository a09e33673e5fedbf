"""Showing how far an attempt is: a bar in a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from slipway.platform.cli.output import say
from slipway.platform.jobs.pace import Eta, sentence

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PAUSE: Final = 10.0
"""Seconds between two lines where nobody watches."""


class Display(Protocol):
    """What `platform.jobs` tells; see `jobs.watching`."""

    def note(self, text: str) -> None: ...

    def progress(self, told: Mapping[str, Any], remark: str) -> None: ...


@contextmanager
def display() -> Iterator[Display]:
    """The one that fits where standard error leads."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[told]}"),
        TextColumn("[yellow]{task.fields[remark]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Bar(bar)


class Bar:
    """A bar that moves."""

    def __init__(self, bar: "Progress") -> None:
        self._bar = bar
        self._task: TaskID = bar.add_task("starting", total=None, told="", remark="")
        self._eta = Eta()

    def note(self, text: str) -> None:
        """A line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """Move it."""
        steps = int(told.get("steps", 0))
        self._bar.update(
            self._task,
            description=str(told.get("phase", "starting")),
            total=steps or None,
            completed=int(told.get("step", 0)),
            told=sentence(told, self._eta.of(told)),
            remark=remark,
        )


class Lines:
    """A line when the phase changes, when something is behind, and now and then."""

    def __init__(self) -> None:
        self._told = 0.0
        self._last: tuple[str, bool] = ("", False)
        self._eta = Eta()

    def note(self, text: str) -> None:
        """A line."""
        say(text)

    def progress(self, told: Mapping[str, Any], remark: str) -> None:
        """A line, if it is time for one."""
        eta = self._eta.of(told)
        now = (str(told.get("phase", "")), bool(remark))
        said = sentence(told, eta)
        if not (said or remark) or (now == self._last and time.monotonic() - self._told < PAUSE):
            return
        self._told, self._last = time.monotonic(), now
        say(": ".join(filter(None, (now[0], said))) + (f" ({remark})" if remark else ""))
