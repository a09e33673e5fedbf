"""Static web servers on loopback: one as it should be, with ranges, and the same one misbehaving by plan."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Misbehaviour:
    """What is done to the answers for paths that contain `path`."""

    path: str = ""
    wrong_bit: int | None = None
    """Which byte has its lowest bit turned."""
    cut_at: int | None = None
    """The connection is closed after so many bytes of the file, though more were announced."""
    truncated_at: int | None = None
    """The file is so short, and announced so."""
    endless: bool = False
    """Bytes come for ever, without a length."""
    stalled_at: int | None = None
    """Nothing comes any more after so many bytes."""
    seconds_a_byte: float | None = None
    """A trickle."""
    status: int | None = None
    location: str | None = None
    """Where it redirects to."""
    content: bytes | None = None
    """Given out in place of the file."""
    ignore_range: bool = False
    shifted_range: int = 0
    """How far behind the place that was asked for the answer begins."""
    slow_headers: float | None = None
    """Seconds between the bytes of an endless header."""


@dataclass
class Served:
    """A running server; `folder` and `plan` may be changed at any time."""

    url: str
    folder: Path
    plan: list[Misbehaviour] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths in the order in which they were asked for, with the start of a range behind `@`."""
    connections: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    def misbehaviour(self, path: str) -> Misbehaviour:
        return next((one for one in self.plan if one.path in path), Misbehaviour(path="\0"))


@contextmanager
def serve(folder: Path, *plan: Misbehaviour) -> Iterator[Served]:
    """Give out a folder until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    served = Served(f"http://127.0.0.1:{server.server_port}", folder, list(plan))
    server.served = served  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.served.connections += 1  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        served: Served = self.server.served  # type: ignore[attr-defined]
        path = self.path.lstrip("/")
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if "Range" in self.headers else 0
        served.asked.append(f"{path}@{start}" if start else path)
        how = served.misbehaviour(path)
        if how.slow_headers is not None:
            self._drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 10_000, how.slow_headers, served.closing)
            return
        file = served.folder / path
        if how.status is not None or ".." in path or not (how.content is not None or file.is_file()):
            self._short(how.status or 404, how.location)
            return
        self._give(how.content if how.content is not None else file.read_bytes(), start, how, served.closing)

    def _short(self, status: int, location: str | None) -> None:
        self.send_response(status)
        if location is not None:
            self.send_header("Location", location)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"none")

    def _give(self, data: bytes, start: int, how: Misbehaviour, closing: threading.Event) -> None:
        if how.wrong_bit is not None:
            at = how.wrong_bit % len(data)
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        data = data[: how.truncated_at]
        if start and not how.ignore_range:
            start += how.shifted_range
            if start >= len(data):
                self._short(416, None)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            start = 0
            self.send_response(200)
        if how.endless:
            self.send_header("Connection", "close")
            self.end_headers()
            self._endless(data, closing)
            return
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if how.seconds_a_byte is not None:
            self._drip(data[start:], how.seconds_a_byte, closing)
            return
        end = min((one for one in (how.cut_at, how.stalled_at) if one is not None), default=len(data))
        self.wfile.write(data[start : max(start, end)])
        if how.stalled_at is not None and end < len(data):
            self.wfile.flush()
            closing.wait()
        if end < len(data):
            self.close_connection = True

    def _endless(self, data: bytes, closing: threading.Event) -> None:
        self.close_connection = True
        try:
            self.wfile.write(data)
            while not closing.is_set():
                self.wfile.write(b" " * 65536)
        except OSError:
            pass  # the client has had enough

    def _drip(self, data: bytes, seconds: float, closing: threading.Event) -> None:
        self.close_connection = True
        try:
            for byte in data:
                self.wfile.write(bytes([byte]))
                if closing.wait(seconds):
                    return
        except OSError:
            pass  # the client has had enough

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
