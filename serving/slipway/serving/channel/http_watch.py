"""Cutting a connection that is too slow, wherever it hangs: in the handshake, in headers, in a chunk's length.

A time limit on each read is not enough: a server that sends a byte now and then never lets one pass. So whoever waits
for the network says how long it may take, and a thread shuts the connection down when that is over; the waiting read
then ends with an error. Time in which the reader does something else, such as writing to a slow disk, does not count.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Watch:
    """Shuts connections down when a wait lasts too long, a `step` later at most."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._sockets: set[socket.socket] = set()
        self._left: set[socket.socket] = set()
        self._watching = False
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self.was_cut = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the time until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._look, args=(ended,), name="channel-watch", daemon=True)
        self.was_cut, self._watching = False, True
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._watching = False
            for twin in tuple(self._left):
                self.remove(twin)

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Cut the connections when the block lasts longer."""
        self._deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = None

    def add(self, connected: socket.socket) -> socket.socket:
        """Watch a connection by a duplicate, because TLS takes the original over."""
        twin = connected.dup()
        with self._lock:
            self._sockets.add(twin)
        return twin

    def remove(self, twin: socket.socket) -> None:
        """The connection is closed; an answer without a length may still be read from it until the block ends."""
        with self._lock:
            if self._watching:
                self._left.add(twin)
                return
            self._left.discard(twin)
            self._sockets.discard(twin)
            twin.close()

    def _look(self, ended: threading.Event) -> None:
        while not ended.wait(self._step):
            deadline = self._deadline
            if deadline is not None and time.monotonic() > deadline:
                self._shut()

    def _shut(self) -> None:
        with self._lock:
            self.was_cut = True
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


class _Watched(HTTPConnection):
    def __init__(self, *args: Any, watch: Watch, **kwargs: Any) -> None:  # noqa: ANN401 - urllib3's own
        super().__init__(*args, **kwargs)
        self._watch = watch
        self._twin: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self._twin = self._watch.add(connected)
        return connected

    def close(self) -> None:
        super().close()
        if self._twin is not None:
            self._watch.remove(self._twin)
            self._twin = None


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class WatchedPool(HTTPConnectionPool):
    """Connections to one server, each watched."""

    ConnectionCls = _Watched


class WatchedTlsPool(HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = _WatchedTls
