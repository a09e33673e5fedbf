"""A loopback address in front of a server that can be shut and opened again: a server that goes away for a while."""

import selectors
import socket
import threading
from contextlib import ExitStack, suppress
from typing import Final

BLOCK: Final = 65536


class Door:
    """Passes connections on while it is open; shut, it ends those that there are and refuses new ones."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._listening = self._listen(0)
        self.port: int = self._listening.getsockname()[1]
        self._through: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._admit, args=(self._listening,), daemon=True).start()

    def shut(self) -> None:
        """Nobody gets through any more."""
        with self._lock:
            self._listening.close()
            for one in self._through:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """At the same address."""
        self._listening = self._listen(self.port)
        threading.Thread(target=self._admit, args=(self._listening,), daemon=True).start()

    def _listen(self, port: int) -> socket.socket:
        listening = socket.create_server(("127.0.0.1", port))
        listening.settimeout(0.05)
        return listening

    def _admit(self, listening: socket.socket) -> None:
        while True:
            try:
                came, _ = listening.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._carry, args=(came,), daemon=True).start()

    def _carry(self, came: socket.socket) -> None:
        with ExitStack() as stack:
            stack.enter_context(came)
            behind = stack.enter_context(socket.create_connection(("127.0.0.1", self._behind)))
            pair = {came: behind, behind: came}
            with self._lock:
                self._through |= set(pair)
            with suppress(OSError):
                _pump(pair)
            with self._lock:
                self._through -= set(pair)


def _pump(pair: dict[socket.socket, socket.socket]) -> None:
    """Until either side ends."""
    with selectors.DefaultSelector() as selector:
        for one in pair:
            one.settimeout(None)
            selector.register(one, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                source = key.fileobj
                assert isinstance(source, socket.socket)
                data = source.recv(BLOCK)
                if not data:
                    return
                pair[source].sendall(data)
