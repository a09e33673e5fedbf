"""Showing how many objects are done: a bar in a terminal, a line now and then elsewhere."""

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from slipway.platform.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from slipway.pipelines.backup.telling import Told

EVERY_S: Final = 2.0


class Lines:
    """Plain lines, at most one every two seconds; quick work says nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._step, self._total, self._done = "", 0, 0
        self._told = time.monotonic()

    def expect(self, step: str, total: int) -> None:
        """More to do; of the same step it adds up."""
        with self._lock:
            same = step == self._step
            self._total, self._done = (self._total if same else 0) + total, self._done if same else 0
            self._step = step

    def advance(self) -> None:
        """Say how far it is, if the last time was long ago."""
        with self._lock:
            self._done += 1
            now = time.monotonic()
            if now - self._told < EVERY_S:
                return
            self._told = now
            text = f"{self._step}: {self._done} of {self._total}"
        say(text)

    def note(self, text: str) -> None:
        """A remark, at once."""
        say(text)


class Bars:
    """A bar for each step."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._step, self._total = "", 0
        self._task: TaskID | None = None

    def expect(self, step: str, total: int) -> None:
        """A new bar, or more in the same."""
        if step != self._step or self._task is None:
            self._step, self._total = step, 0
            self._task = self._progress.add_task(step)
        self._total += total
        self._progress.update(self._task, total=self._total)

    def advance(self) -> None:
        """Move it."""
        if self._task is not None:
            self._progress.advance(self._task)

    def note(self, text: str) -> None:
        """A line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False)


@contextmanager
def counting() -> "Iterator[Told]":
    """What fits standard error."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress)
