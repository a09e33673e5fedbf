"""Connections: a request's headers come whole, soon and no larger than anybody needs, or the connection ends.

Without this, whoever opens connections and says little on each would hold them for ever, until the service has none
left for devices. Bodies have limits of their own (`bodies`); what still comes of one after its request was answered is
read by nobody, and for the same time at most.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PATIENCE_S: Final = 20.0
"""From the connection, or from a request's first byte, to the end of its headers."""
LARGEST_HEAD: Final = 64 * 1024
"""Bytes that are read in search of their end; a person's signed request takes less than half."""


class Connection(HttpToolsProtocol):
    """One that is given up when it says too little or too much."""

    patience_s = PATIENCE_S
    _deadline: asyncio.TimerHandle | None = None
    """While headers are awaited."""
    _end: asyncio.TimerHandle | None = None
    """While the rest of a body is awaited that nobody reads."""
    _read = 0
    _whole = True
    """Whether the last request has come to its end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there; now they say what they want."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """They went."""
        self._have_headers()
        self._have_all()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins; on a connection that lasts it may be the next one."""
        super().on_message_begin()
        self._whole = False
        if self._deadline is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """All is said."""
        self._have_headers()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Its body, too."""
        self._have_all()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered, maybe before its end."""
        super().on_response_complete()
        if not self._whole and self.cycle.response_complete and self._end is None:
            self._end = self.loop.call_later(self.patience_s, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """A piece of it."""
        if self._deadline is not None:
            self._read += len(data)
        super().data_received(data)
        if self._deadline is not None and self._read > LARGEST_HEAD:
            self.transport.close()

    def _await_headers(self) -> None:
        self._read = 0
        self._deadline = self.loop.call_later(self.patience_s, self.transport.close)

    def _have_all(self) -> None:
        self._whole = True
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _have_headers(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
