"""Gives a channel out over HTTP on loopback, as a web server or CDN does: `python -m …local.channel_server PORT`.

It reads from wherever the channel is written, a folder or a bucket, and computes nothing. Only what devices ask for is
given out, by `GET` and `HEAD`, with ranges; whether it is to be believed, signatures say and not this server.
"""

import re
import signal
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from slipway.pipelines.local.ports import LOOPBACK

if TYPE_CHECKING:
    from slipway.platform.store import Store

FOLDERS: Final = ("metadata/", "targets/")
CHANGING: Final = "metadata/timestamp.json"
"""The one file that changes; all others have their version or digest in their name."""
PIECE: Final = 1024 * 1024
SECONDS: Final = 30
"""A connection that says nothing for so long is closed."""
_RANGE: Final = re.compile(r"bytes=([0-9]{1,15})-")


class ChannelServer(ThreadingHTTPServer):
    """Serves one channel, a thread for each connection."""

    daemon_threads = True

    def __init__(self, store: "Store", port: int) -> None:
        self.store = store
        super().__init__((LOOPBACK, port), Handler)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = SECONDS
    server: ChannelServer

    def do_GET(self) -> None:
        """A file, or what comes of it after a place."""
        self._answer(whole=True)

    def do_HEAD(self) -> None:
        """How large it is."""
        self._answer(whole=False)

    def _answer(self, *, whole: bool) -> None:
        from slipway.platform.errors import SlipwayError
        from slipway.platform.store import ObjectMissing
        from slipway.platform.store.errors import BadKey

        key = self.path.lstrip("/").partition("?")[0]
        try:
            size = self.server.store.size(key) if key.startswith(FOLDERS) else None
        except (ObjectMissing, BadKey):
            size = None
        except SlipwayError as error:
            self._short(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            return
        if size is None:
            self._short(HTTPStatus.NOT_FOUND, "There is no such file.")
            return
        start = self._start()
        if start and start >= size:
            self._short(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"It has {size} bytes.")
            return
        self._head(key, start, size)
        if whole:
            self._give(key, start, size)

    def _start(self) -> int:
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        return int(found[1]) if found else 0

    def _head(self, key: str, start: int, size: int) -> None:
        self.send_response(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(size - start))
        self.send_header("Cache-Control", "no-cache" if key == CHANGING else "public, max-age=31536000, immutable")
        self.end_headers()

    def _give(self, key: str, start: int, size: int) -> None:
        """All that was announced; whoever hangs up, or a file that shrinks, ends the connection."""
        left = size - start
        try:
            for piece in self._pieces(key, start, size):
                self.wfile.write(piece)
                left -= len(piece)
        except OSError:
            self.close_connection = True
        self.close_connection |= left != 0

    def _pieces(self, key: str, start: int, size: int) -> Iterator[bytes]:
        while start < size:
            piece = self.server.store.open_range(key, start, min(PIECE, size - start))
            if not piece:
                return
            yield piece
            start += len(piece)

    def _short(self, status: HTTPStatus, why: str) -> None:
        body = f"{why}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that is overridden
        """Devices ask every few seconds; nobody reads that."""


def main() -> int:
    """Serve until SIGTERM or Ctrl-C."""
    from slipway.platform.cli.session import load_settings
    from slipway.platform.errors import SlipwayError
    from slipway.serving.release.places import channel_store

    try:
        store, port = channel_store(load_settings()), int(sys.argv[1])
        server = ChannelServer(store, port)
    except (SlipwayError, OSError) as error:
        sys.stderr.write(f"The channel cannot be given out: {error}\n")
        return 1
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with server:
        thread = threading.Thread(target=server.serve_forever, name="channel")
        thread.start()
        sys.stderr.write(f"Giving out {store.url} at http://{LOOPBACK}:{server.server_port}\n")
        ended.wait()
        server.shutdown()
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
