"""What all connections share: limits, the buffer that they read into, and what is counted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from slipway.serving.edge.serve.refusals import RETRY, Refused

if TYPE_CHECKING:
    from slipway.serving.edge.serve.connection import Connection, Site
    from slipway.serving.edge.serve.head import Head
    from slipway.serving.edge.serve.response import Response

MEBIBYTE: Final = 1024 * 1024
SCRATCH: Final = 64 * 1024
"""Bytes that one read may bring, so that most requests come in one."""
TURNED_AWAY: Final = 32
"""Connections beyond the limit that are told so, at a time."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of everything."""

    connections: int = 256
    held_bytes: int = 256 * MEBIBYTE
    """Of bodies that are received or wait for their answer, together."""
    idle_s: float = 75.0
    """For which a connection may wait for its next request."""
    request_s: float = 10.0
    """For which a head, or a pause in a body, may take."""
    leaving_s: float = 2.0
    """For which a caller that was refused is listened to."""


class Notes(Protocol):
    """What counts requests."""

    def note(self, head: "Head | None", response: "Response", seconds: float) -> None:
        """One was answered, or refused before its head was read."""


class House:
    """The surroundings of each connection; of one thread alone."""

    def __init__(self, site: "Site", limits: Limits, notes: Notes, now: Callable[[], float]) -> None:
        self.site, self.limits, self.now = site, limits, now
        self.note = notes.note
        self.scratch = memoryview(bytearray(SCRATCH))
        """Read into by one connection after the other, and empty again before the next one."""
        self.connections: set[Connection] = set()
        self.empty = asyncio.Event()
        """Whether there are no connections."""
        self.empty.set()
        self._held = 0
        self._asked: Connection | None = None

    def enter(self, connection: "Connection") -> bool:
        """Whether there is room for one more."""
        self.connections.add(connection)
        self.empty.clear()
        if len(self.connections) > self.limits.connections + TURNED_AWAY:
            connection.abort()
        return len(self.connections) <= self.limits.connections

    def leave(self, connection: "Connection") -> None:
        """It is no more."""
        self.connections.discard(connection)
        if self._asked is connection:
            self._asked = None
        if not self.connections:
            self.empty.set()

    def alone(self, connection: "Connection") -> bool:
        """Whether nobody else has asked since this one did; it asks now."""
        before, self._asked = self._asked, connection
        return before is connection

    def hold(self, size: int) -> None:
        """Take so much memory for a body."""
        if self._held + size > self.limits.held_bytes:
            raise Refused(503, "Too many bodies are held at the moment.", mend="Ask again later.", headers=RETRY)
        self._held += size

    def release(self, size: int) -> None:
        """Give it back."""
        self._held -= size

    def check(self) -> None:
        """End what takes too long; called each second or so."""
        now = self.now()
        for connection in list(self.connections):
            connection.check(now)
