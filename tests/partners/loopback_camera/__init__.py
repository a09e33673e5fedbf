"""A camera on loopback: an HTTP server that sends MJPEG, and does to its stream what cameras do."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

Image = npt.NDArray[np.uint8]
PATIENCE = 20.0


def noisy(height: int = 48, width: int = 64, seed: int = 0) -> Callable[[int], Image]:
    """A scene with edges and a sensor's noise: another picture for each number."""
    base = np.random.default_rng(seed).integers(40, 200, (6, 8, 3))
    scene = np.kron(base, np.ones((height // 6, width // 8, 1), np.int64))

    def picture(number: int) -> Image:
        noise = np.random.default_rng(number).normal(0, 3, scene.shape)
        return np.clip(scene + noise, 0, 255).astype(np.uint8)

    return picture


class Cuttable:
    """A camera's connections, which can all be ended at once."""

    def __init__(self) -> None:
        self._sockets: set[socket.socket] = set()

    def cut(self) -> None:
        """End all connections."""
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class LoopbackCamera(Cuttable):
    """What it sends may be changed at any time."""

    def __init__(self) -> None:
        self.picture: Callable[[int], Image] = noisy()
        self.mode = "well"
        """Or `stalled`, `garbage`, `refusing`, `endless`, `dripping`, `unsized`, `gone`."""
        self.interval = 0.02
        self.connections = 0
        self.sent = 0
        self.authorization: str | None = None
        super().__init__()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                camera.authorization = self.headers["authorization"]
                camera._sockets.add(self.connection)
                with contextlib.suppress(OSError):
                    camera._answer(self)
                camera._sockets.discard(self.connection)
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._stop = threading.Event()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/stream"

    def close(self) -> None:
        self._stop.set()
        self.cut()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if self.mode == "refusing":
            handler.send_error(503)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        while not self._stop.wait(self.interval):
            self._send(handler.wfile.write)

    def _send(self, write: Callable[[bytes], Any]) -> None:
        if self.mode == "stalled":
            return
        if self.mode == "gone":
            raise OSError("gone")
        self.sent += 1
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(self.picture(self.sent)), 95, "RGB", "444")
        if self.mode == "garbage":
            data = b"\xff\xd8\xff" + bytes(100)
        if self.mode == "endless":
            write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" if self.sent == 1 else bytes(1 << 20))
            return
        size = b"" if self.mode == "unsized" else b"Content-Length: %d\r\n" % len(data)
        head = b"--frame\r\nContent-Type: image/jpeg\r\n" + size + b"\r\n"
        if self.mode == "dripping":
            for byte in head:
                write(bytes([byte]))
                time.sleep(0.02)
            return
        write(head + data + b"\r\n")


@contextmanager
def loopback_camera() -> Iterator[LoopbackCamera]:
    """It ends with the block."""
    camera = LoopbackCamera()
    try:
        yield camera
    finally:
        camera.close()


def until(condition: Callable[[], object], *, seconds: float = PATIENCE, what: str = "it") -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.01)
