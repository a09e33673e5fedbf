"""A camera that speaks RTSP on loopback: JPEG in RTP (RFC 2435), interleaved in the TCP connection."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import simplejpeg

from loopback_camera import Cuttable, Image, noisy

CLOCK: Final = 90_000
PAYLOAD: Final = 1200
JPEG_TYPE: Final = 26
TABLES_INSIDE: Final = 255
SDP: Final = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 26\r\na=control:track\r\n"
)


class RtspCamera(Cuttable):
    """What it sends may be changed at any time."""

    def __init__(self) -> None:
        self.picture: Callable[[int], Image] = noisy()
        self.stalled = False
        self.interval = 0.02
        self.connections = 0
        self.sent = 0
        super().__init__()
        self._stop = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._listening.getsockname()[1]}/main"

    def close(self) -> None:
        self._stop.set()
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as reading:
            while (line := reading.readline()) and not self._stop.is_set():
                if line.startswith(b"$"):  # what the player reports; its rest has no line ends to go by
                    break
                headers = dict(one.decode().strip().split(": ", 1) for one in iter(reading.readline, b"\r\n"))
                self._answer(connection, line.split()[0].decode(), headers)
        self._sockets.discard(connection)

    def _answer(self, connection: socket.socket, method: str, headers: dict[str, str]) -> None:
        more = {
            "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n",
            "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}",
            "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7\r\n\r\n",
            "PLAY": "Session: 7\r\n\r\n",
        }.get(method, "\r\n")
        connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {headers.get('CSeq', '0')}\r\n{more}".encode())
        if method == "PLAY":
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection: socket.socket) -> None:
        sequence = 0
        with contextlib.suppress(OSError):
            while not self._stop.wait(self.interval):
                if self.stalled:
                    continue
                self.sent += 1
                for packet in packets(self.picture(self.sent), self.sent * int(CLOCK * self.interval), sequence):
                    sequence += 1
                    connection.sendall(b"$\x00" + struct.pack(">H", len(packet)) + packet)


def packets(picture: Image, stamp: int, sequence: int) -> Iterator[bytes]:
    """A picture as RTP packets."""
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(picture), 95, "RGB", "420")
    tables, scan = _parts(data)
    height, width = picture.shape[:2]
    for offset in range(0, len(scan), PAYLOAD):
        piece = scan[offset : offset + PAYLOAD]
        last = offset + PAYLOAD >= len(scan)
        head = struct.pack(">BBHII", 0x80, JPEG_TYPE | (0x80 if last else 0), sequence & 0xFFFF, stamp & 0xFFFFFFFF, 7)
        sequence += 1
        about = struct.pack(">I", offset) + bytes([1, TABLES_INSIDE, width // 8, height // 8])
        first = b"" if offset else struct.pack(">BBH", 0, 0, len(tables)) + tables
        yield head + about + first + piece


def _parts(data: bytes) -> tuple[bytes, bytes]:
    """The quantisation tables of a JPEG file, and its scan."""
    tables, place = b"", 2
    while data[place + 1] != 0xDA:
        length = struct.unpack(">H", data[place + 2 : place + 4])[0]
        if data[place + 1] == 0xDB:
            body = data[place + 4 : place + 2 + length]
            tables += b"".join(body[begin + 1 : begin + 65] for begin in range(0, len(body), 65))
        place += 2 + length
    start = place + 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
    return tables, data[start:-2]


@contextmanager
def rtsp_camera() -> Iterator[RtspCamera]:
    """It ends with the block."""
    camera = RtspCamera()
    try:
        yield camera
    finally:
        camera.close()
