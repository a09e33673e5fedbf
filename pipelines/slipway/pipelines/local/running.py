"""One process of a component: in a session of its own, its output in a pipe, ended with all of its session."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from slipway.pipelines.local.component import Component
from slipway.pipelines.local.processes import signal_session

REST_SECONDS: Final = 5.0
"""What the rest of a session has after its leader ended as it was asked to."""
NOTHING: Final = 0
"""The signal that only asks whether there is somebody."""
PIECE: Final = 1 << 16
MOST_PENDING: Final = 1 << 20
"""Of a line that does not end."""


class Running:
    """From its start until nobody of its session is left."""

    def __init__(self, component: Component, clock: Callable[[], float]) -> None:
        """Start it; an `OSError` when there is no such program."""
        self._clock = clock
        self._stop_seconds = component.stop_seconds
        self._process = subprocess.Popen(
            [*component.command],
            cwd=component.folder,
            env=dict(component.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        self.output = self._process.stdout
        os.set_blocking(self.output.fileno(), False)
        self._pending = b""
        self._killed_from: float | None = None
        self._leader_ended: float | None = None
        self.asked = False
        self.talks = True
        """Whether anybody can still say something."""

    @property
    def pid(self) -> int:
        """Its leader's, which is also the session's."""
        return self._process.pid

    def ask(self) -> None:
        """Ask it to end; it is killed when its time is over."""
        if not self.asked:
            self.asked = True
            self._killed_from = self._clock() + self._stop_seconds
            self._signal_leader(signal.SIGTERM)

    def kill(self) -> None:
        """End it now, with all of its session."""
        self.asked = True
        self._killed_from = self._clock()

    def look(self) -> int | None:
        """The leader's exit code when all of its session has ended, else nothing; ends what is overdue."""
        now = self._clock()
        if not self._leader_has_ended(now):
            if self._killed_from is not None and now >= self._killed_from:
                self._signal_leader(signal.SIGKILL)
            return None
        if self._rest_lives(now):
            return None
        return self._process.wait()

    def read(self) -> list[str]:
        """Whole lines that it has said since the last time."""
        while piece := self._piece():
            self._pending += piece
        *lines, self._pending = self._pending.split(b"\n")
        if len(self._pending) > MOST_PENDING:
            lines, self._pending = [*lines, self._pending], b""
        return [line.decode(errors="replace").rstrip() for line in lines]

    def close(self) -> list[str]:
        """The rest of what it said."""
        lines = self.read()
        lines += [self._pending.decode(errors="replace")] if self._pending else []
        self.output.close()
        return lines

    def _piece(self) -> bytes:
        with suppress(BlockingIOError):
            piece = os.read(self.output.fileno(), PIECE)
            self.talks = bool(piece)
            return piece
        return b""

    def _leader_has_ended(self, now: float) -> bool:
        """Looked at without taking it from the system's table: until then nobody else can have its id."""
        if self._leader_ended is None and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            self._leader_ended = now
            if self.asked:
                signal_session(self.pid, signal.SIGTERM)
        return self._leader_ended is not None

    def _rest_lives(self, now: float) -> bool:
        """What a leader leaves when it dies unasked works for nobody and is killed at once."""
        assert self._leader_ended is not None  # noqa: S101 - asked for only then
        over = not self.asked or now >= self._leader_ended + REST_SECONDS
        return signal_session(self.pid, signal.SIGKILL if over else NOTHING)

    def _signal_leader(self, number: signal.Signals) -> None:
        if self._leader_ended is None:
            os.kill(self.pid, number)
