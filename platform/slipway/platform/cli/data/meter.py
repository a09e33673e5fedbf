"""Showing how far the moving of a snapshot is: a bar in a terminal, a line now and then elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from slipway.platform.cli.output import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EVERY_SECONDS = 2.0
MIB = 1024 * 1024


class Lines:
    """Plain lines, at most one every two seconds; quick work says nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._step, self._total, self._done = "", 0, 0
        self._told = time.monotonic()

    def expect(self, step: str, total: int) -> None:
        """A step begins."""
        with self._lock:
            self._step, self._total, self._done = step, total, 0

    def advance(self, count: int) -> None:
        """Say how far it is, if the last time was long ago."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told < EVERY_SECONDS:
                return
            self._told = now
            text = f"{self._step}: {self._done / MIB:.0f} of {self._total / MIB:.0f} MiB"
        say(text)

    def note(self, text: str) -> None:
        """A remark, at once."""
        say(text)


class Bars:
    """A bar for each step."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def expect(self, step: str, total: int) -> None:
        """A new bar."""
        self._task = self._progress.add_task(step, total=total)

    def advance(self, count: int) -> None:
        """Move it."""
        if self._task is not None:
            self._progress.advance(self._task, count)

    def note(self, text: str) -> None:
        """A line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False)


@contextmanager
def meter() -> Iterator[Lines | Bars]:
    """What fits standard error."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress)
