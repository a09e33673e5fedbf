"""Being asked to stop: by a signal, by a record in the store, by a limit, or because this attempt no longer counts.

A request lets the child write a checkpoint and end. It is ended at once where a person asks twice, where the reason
leaves no time, and where the grace is over. While nothing runs yet, a request interrupts what is being prepared; while
the end is being recorded, only one that is urged does, and only where a person waits: a launcher may repeat itself.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, Literal

from slipway.platform.runs.records import Cancellation, Cause, State

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Halt:
    """Why an attempt is to end, other than by a signal."""

    cause: Cause
    reason: str
    state: State = State.FAILED
    at_once: bool = False
    """Whether there is no time for a checkpoint."""
    mend: str = ""
    traceback: str = ""
    """Where its processes stood."""

    @classmethod
    def cancelled(cls, cancellation: Cancellation) -> "Halt":
        """Somebody who may wants it to end."""
        why = f": {cancellation.why.rstrip('.')}" if cancellation.why else ""
        return cls(Cause.CANCELLED, f"Cancelled by {cancellation.by}{why}.", State.CANCELLED)


@dataclass
class Stop:
    """What was asked so far. Any thread may ask."""

    requests: int = 0
    signal: int | None = None
    """The first one's."""
    lost: Exception | None = None
    """Why this attempt may not go on, found out by another thread."""
    halted: Halt | None = None
    late: bool = False
    """Whether the time for a checkpoint is over."""
    submitted: bool = False
    """Whether a launcher runs it, so that signals are its own and no person's."""
    phase: Literal["preparing", "running", "concluding"] = "preparing"
    interrupt: Callable[[], None] | None = field(default=None, repr=False)
    """Reaches the main thread while it prepares."""

    def ask(self, number: int) -> None:
        """One more request."""
        self.requests += 1
        self.signal = self.signal or number
        if self.phase == "preparing" or (self.phase == "concluding" and self.requests > 1 and not self.submitted):
            raise KeyboardInterrupt

    def halt(self, halt: Halt) -> None:
        """End it for this reason. The first one counts; being cancelled counts before others."""
        if self.halted is None or (halt.cause is Cause.CANCELLED and not self.halted.at_once):
            self.halted = halt
        if self.phase == "preparing" and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        if self.phase == "preparing" and self.interrupt is not None:
            self.interrupt()

    def told(self, grace: float, *, script: bool = False) -> str:
        """What happens now, for a person."""
        how = "SIGTERM tells the script to stop" if script else "Stopping behind a checkpoint"
        if self.halted is not None:
            return f"{self.halted.reason} {how}, within {grace:.0f} s."
        if self.submitted:
            return f"Its launcher asks it to end. {how}, within {grace:.0f} s."
        return f"{how}; asked once more, it stops at once."

    @property
    def asked(self) -> bool:
        """Whether the child is to end."""
        return self.requests > 0 or self.halted is not None

    @property
    def at_once(self) -> bool:
        """Whether there is no time for a checkpoint."""
        urged = self.requests > 1 and not self.submitted
        return urged or self.late or self.lost is not None or (self.halted is not None and self.halted.at_once)


@contextmanager
def listening(*, submitted: bool = False) -> Iterator[Stop]:
    """Take SIGTERM and SIGINT as requests while this runs. In a thread, as in a notebook, Ctrl-C stays the caller's."""
    stop = Stop(submitted=submitted)
    main = threading.main_thread()
    if threading.current_thread() is not main or main.ident is None:
        yield stop
        return
    own, ident = threading.Event(), main.ident

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's arguments
        if not own.is_set():
            stop.ask(number)
            return
        own.clear()
        if stop.phase == "preparing":
            raise KeyboardInterrupt

    def interrupt() -> None:
        own.set()
        signal.pthread_kill(ident, signal.SIGTERM)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    stop.interrupt = interrupt
    try:
        yield stop
    finally:
        stop.interrupt = None
        for number, handler in before.items():
            signal.signal(number, handler)
