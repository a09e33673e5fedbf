"""Showing how far something is, in bytes or in pieces: a bar in a terminal, a line now and then elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from slipway.platform.cli.output import say

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

EVERY_SECONDS = 2.0
MIB = 1024 * 1024


def in_mebibytes(done: int, total: int) -> str:
    """How far it is, of bytes."""
    return f"{done / MIB:.0f} of {total / MIB:.0f} MiB"


def in_pieces(done: int, total: int) -> str:
    """How far it is, of anything that is counted one by one."""
    return f"{done} of {total}"


class Lines:
    """Plain lines, at most one every two seconds; quick work says nothing."""

    def __init__(self, words: Callable[[int, int], str] = in_mebibytes, *, adds_up: bool = False) -> None:
        self._words, self._adds_up = words, adds_up
        self._lock = threading.Lock()
        self._step, self._total, self._done = "", 0, 0
        self._told = time.monotonic()

    def expect(self, step: str, total: int) -> None:
        """A step begins; where it adds up, the same one has more to do."""
        with self._lock:
            if not (self._adds_up and step == self._step):
                self._step, self._total, self._done = step, 0, 0
            self._total += total

    def advance(self, count: int = 1) -> None:
        """Say how far it is, if the last time was long ago."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told < EVERY_SECONDS:
                return
            self._told = now
            text = f"{self._step}: {self._words(self._done, self._total)}"
        say(text)

    def note(self, text: str) -> None:
        """A remark, at once."""
        say(text)


class Bars:
    """A bar for each step."""

    def __init__(self, progress: "Progress", *, adds_up: bool = False) -> None:
        self._progress, self._adds_up = progress, adds_up
        self._step, self._total = "", 0
        self._task: TaskID | None = None

    def expect(self, step: str, total: int) -> None:
        """A new bar; where it adds up, more in that of the same step."""
        if self._task is None or not (self._adds_up and step == self._step):
            self._step, self._total = step, 0
            self._task = self._progress.add_task(step, total=0)
        self._total += total
        self._progress.update(self._task, total=self._total)

    def advance(self, count: int = 1) -> None:
        """Move it."""
        if self._task is not None:
            self._progress.advance(self._task, count)

    def note(self, text: str) -> None:
        """A line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False)


@contextmanager
def meter() -> Iterator[Lines | Bars]:
    """What fits standard error, for bytes that move."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _bars(DownloadColumn(), TransferSpeedColumn()) as progress:
        yield Bars(progress)


@contextmanager
def counter() -> Iterator[Lines | Bars]:
    """What fits standard error, for pieces of which a step may come to have more."""
    if not sys.stderr.isatty():
        yield Lines(in_pieces, adds_up=True)
        return
    from rich.progress import MofNCompleteColumn

    with _bars(MofNCompleteColumn()) as progress:
        yield Bars(progress, adds_up=True)


def _bars(*columns: "ProgressColumn") -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    words = TextColumn("{task.description}")
    return Progress(words, BarColumn(), *columns, console=Console(stderr=True), transient=True)
