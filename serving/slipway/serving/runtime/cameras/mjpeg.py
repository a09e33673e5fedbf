"""MJPEG over HTTP: a response without end, whose parts are JPEG files (`multipart/x-mixed-replace`).

Read without ffmpeg, so that everything is bounded: the time until the first byte, the time of a whole picture however
slowly it drips, and the size of headers and pictures. Certificates are checked; nothing is redirected to another host.
"""

import re
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

import urllib3

from slipway.serving.runtime.cameras.address import without_password
from slipway.serving.runtime.cameras.feed import FeedBroken, NoPicture
from slipway.serving.runtime.pictures import BadPicture, decode
from slipway.serving.runtime.source import Image

LARGEST_PICTURE: Final = 16 * 1024 * 1024
LARGEST_HEADERS: Final = 8 * 1024
PIECE: Final = 64 * 1024
MOST_UNREADABLE: Final = 25
"""Parts in a row that are no pictures, after which the connection is given up."""
_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]{1,70})"?', re.IGNORECASE)
_LENGTH: Final = re.compile(rb"^content-length:\s*(\d{1,10})\s*$", re.IGNORECASE | re.MULTILINE)
_OK: Final = 200

Clock = Callable[[], float]


class MjpegFeed:
    """One response."""

    def __init__(self, url: str, *, seconds: float, clock: Clock = time.monotonic) -> None:
        self._seconds, self._clock, self._shown = seconds, clock, without_password(url)
        self._pool, self._response = _opened(url, seconds)
        try:
            self._boundary = self._read_boundary()
        except FeedBroken:
            self.close()
            raise
        self._held = bytearray()
        self._unreadable = 0

    def read(self) -> Image | None:
        data = self._part(self._clock() + self._seconds)
        try:
            image = decode(data)
        except BadPicture as error:
            self._unreadable += 1
            if self._unreadable >= MOST_UNREADABLE:
                raise FeedBroken(f"{self._shown} sent {self._unreadable} parts in a row that are no picture.") from None
            raise NoPicture(str(error)) from None
        self._unreadable = 0
        return image

    def close(self) -> None:
        self._response.close()
        self._pool.clear()

    def _read_boundary(self) -> bytes:
        kind = self._response.headers.get("content-type", "")
        found = _BOUNDARY.search(kind)
        if self._response.status != _OK or not kind.lower().startswith("multipart/") or not found:
            raise FeedBroken(
                f"{self._shown} answered {self._response.status} with `{kind[:100] or 'no type'}`; expected 200 with "
                "`multipart/x-mixed-replace`.",
                mend="Give the address of the camera's MJPEG stream, or its RTSP address.",
            )
        return b"--" + found[1].removeprefix("--").encode("latin-1")

    def _part(self, until: float) -> bytes:
        """The next part's bytes. Cameras disagree on blank lines, and some leave the length out."""
        self._past(self._boundary, LARGEST_PICTURE, until)
        headers = self._past(b"\r\n\r\n", LARGEST_HEADERS, until)
        if length := _LENGTH.search(headers.replace(b"\r\n", b"\n")):
            size = int(length[1])
            if size > LARGEST_PICTURE:
                raise FeedBroken(f"{self._shown} announces a picture of {size:,} bytes.")
            while len(self._held) < size:
                self._more(until)
            data = bytes(self._held[:size])
            del self._held[:size]
            return data
        data = self._past(self._boundary, LARGEST_PICTURE, until).rstrip(b"\r\n")
        self._held[:0] = self._boundary  # it begins the next part
        return data

    def _past(self, mark: bytes, most: int, until: float) -> bytes:
        """What comes before a mark; the mark is passed."""
        searched = 0
        while (found := self._held.find(mark, searched)) < 0:
            if len(self._held) > most:
                raise FeedBroken(f"{self._shown} sent {len(self._held):,} bytes without an end of a part.")
            searched = max(0, len(self._held) - len(mark))
            self._more(until)
        data = bytes(self._held[:found])
        del self._held[: found + len(mark)]
        return data

    def _more(self, until: float) -> None:
        if self._clock() > until:
            raise FeedBroken(f"{self._shown} sent no whole picture in {self._seconds:g} s.")
        try:
            piece = self._response.read1(PIECE, decode_content=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise FeedBroken(f"{self._shown}: {told(error)}.") from None
        if not piece:
            raise FeedBroken(f"{self._shown} ended the stream.")
        self._held += piece


def _opened(url: str, seconds: float) -> tuple[urllib3.PoolManager, Any]:
    parts = urlsplit(url)
    headers = {}
    if parts.username is not None:
        headers = urllib3.make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    pool = urllib3.PoolManager(num_pools=1, maxsize=1)
    try:
        timeout = urllib3.Timeout(connect=seconds, read=seconds)
        response = pool.request(
            "GET", url, headers=headers, timeout=timeout, retries=False, redirect=False, preload_content=False
        )
    except (urllib3.exceptions.HTTPError, OSError) as error:
        pool.clear()
        raise FeedBroken(f"{without_password(url)}: {told(error)}.") from None
    return pool, response


def told(error: Exception) -> str:
    """What went wrong with a connection, in a line."""
    said = str(error).rpartition(": ")[2].strip(" .'\")(") if str(error) else ""
    return said[:200] or type(error).__name__
