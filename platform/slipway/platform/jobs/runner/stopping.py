"""Being asked to stop: by a signal, by Ctrl-C, or by the record saying that this attempt is no longer the one.

The first request lets the child write a checkpoint and end, the second ends it at once. While nothing runs yet, a
request interrupts what is being prepared; while the end is being recorded, only one that is urged does.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final, Literal

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Stop:
    """What was asked so far."""

    requests: int = 0
    signal: int | None = None
    """The first one's."""
    lost: Exception | None = None
    """Why this attempt may not go on, found out by another thread."""
    phase: Literal["preparing", "running", "concluding"] = "preparing"

    def ask(self, number: int) -> None:
        """One more request."""
        self.requests += 1
        self.signal = self.signal or number
        if self.phase == "preparing" or (self.phase == "concluding" and self.requests > 1):
            raise KeyboardInterrupt

    @property
    def at_once(self) -> bool:
        """Whether there is no time for a checkpoint."""
        return self.requests > 1 or self.lost is not None


@contextmanager
def listening() -> Iterator[Stop]:
    """Take SIGTERM and SIGINT as requests while this runs. In a thread, as in a notebook, Ctrl-C stays the caller's."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's arguments
        stop.ask(number)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
