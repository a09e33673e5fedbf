"""A channel's files from a web server: any that gives out static files.

One file at a time, over a connection that is kept. Redirects are refused, and so is plain HTTP other than to this very
machine, unless it is asked for: signatures protect what is installed, but without TLS others see what a device runs and
may hold new releases back. A server that ignores ranges still serves; what was there already comes again, is skipped
and told as such. Nothing is tried twice here: when to ask again is the agent's to say.
"""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError

from slipway.serving.channel.http_address import Kind, checked_address
from slipway.serving.channel.http_watch import Watch, WatchedPool, WatchedTlsPool
from slipway.serving.channel.transport import NotThere, Skipped, TransferFailed

PIECE: Final = 128 * 1024
LARGEST_ANSWER: Final = 16 * 1024
"""Of a refusal's body, which is read so that the connection can be kept."""
CHANNEL: Final = Kind(
    "a channel",
    "It looks like https://models.example.org/channel.",
    "The channel's address has a password in it; a channel is public.",
    "others see then what is fetched, and may hold it back",
)
ABSENT: Final = frozenset({403, 404, 410})
"""A bucket that may not be listed says 403 for what it does not have."""
WHOLE, PART = 200, 206


@dataclass(frozen=True)
class Pace:
    """How slow a server may be."""

    connect_seconds: float = 10.0
    silent_seconds: float = 20.0
    """Without a single byte."""
    patience_seconds: float = 30.0
    """For the first byte, and what a transfer may fall behind the least rate."""
    least_bytes_per_second: float = 1024.0
    kept_seconds: float = 30.0
    """How long a connection that nobody uses is kept; routers forget such connections and tell nobody."""


USUAL: Final = Pace()


class HttpTransport:
    """Reads below one address."""

    def __init__(
        self, address: str, *, pace: Pace = USUAL, plain: bool = False, authorities: Path | None = None
    ) -> None:
        """`plain` allows http to other machines; `authorities` are trusted in place of the system's."""
        self._scheme, self._host, self._port, self._prefix = checked_address(address, CHANNEL, plain=plain)
        self._address = address.rstrip("/")
        self._pace = pace
        self._watch = Watch(min(1.0, pace.patience_seconds / 10))
        self._context = (
            ssl.create_default_context(cafile=str(authorities) if authorities else None)
            if self._scheme == "https"
            else None
        )
        self._pool: WatchedPool | WatchedTlsPool | None = None
        self._used = 0.0

    @property
    def place(self) -> str:
        return self._address

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        with self._watch.watching(), self._told(path):
            response = self._asked(path, start)
            done = False
            try:
                yield from self._body(response, path, _to_skip(response, self._url(path), start))
                done = True
            finally:
                response.release_conn() if done else response.close()
                self._used = time.monotonic()

    def close(self) -> None:
        """Give the connection back; the next file makes another."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _connected(self) -> WatchedPool | WatchedTlsPool:
        if self._pool is not None and time.monotonic() - self._used <= self._pace.kept_seconds:
            return self._pool
        self.close()
        shared: dict[str, Any] = {
            "maxsize": 1,
            "retries": False,
            "timeout": Timeout(connect=self._pace.connect_seconds, read=self._pace.silent_seconds),
            "watch": self._watch,
        }
        if self._context is not None:
            self._pool = WatchedTlsPool(self._host, self._port, ssl_context=self._context, **shared)
        else:
            self._pool = WatchedPool(self._host, self._port, **shared)
        return self._pool

    def _url(self, path: str) -> str:
        return f"{self._address}/{path}"

    def _asked(self, path: str, start: int) -> BaseHTTPResponse:
        headers = {"Accept-Encoding": "identity", "User-Agent": "slipway-edge"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._watch.waiting(self._pace.connect_seconds + self._pace.patience_seconds):
            response = self._connected().urlopen(
                "GET", f"{self._prefix}/{path}", headers=headers, redirect=False, preload_content=False,
                decode_content=False,
            )  # fmt: skip
            if response.status not in {WHOLE, PART}:
                _discard(response)
                self._used = time.monotonic()
        if response.status in {WHOLE, PART}:
            return response
        if response.status in ABSENT:
            raise NotThere(f"{self._address} has no {path} (status {response.status}).")
        location = response.headers.get("Location")
        where = f", which points to {location[:200]!r}; redirects are refused" if location else ""
        raise TransferFailed(f"{self._url(path)} was answered with status {response.status}{where}.")

    def _body(self, response: BaseHTTPResponse, path: str, skipped: int) -> Iterator[bytes]:
        received, waited = 0, 0.0
        while True:
            left = self._pace.patience_seconds + received / self._pace.least_bytes_per_second - waited
            began = time.monotonic()
            with self._watch.waiting(left):
                piece = response.read1(PIECE)
            waited += time.monotonic() - began
            if not piece:
                break
            received += len(piece)
            if skipped:
                unwanted = min(skipped, len(piece))
                skipped, piece = skipped - unwanted, piece[unwanted:]
                yield Skipped.of(unwanted)
            if piece:
                yield piece
        if self._watch.was_cut:  # a connection without a length just seems to end
            raise self._too_slow(path)
        if skipped:
            raise TransferFailed(f"{self._url(path)} ended before the place from which the rest was wanted.")

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Turn the library's errors into the transport's."""
        try:
            yield
        except (HTTPError, OSError) as error:
            if self._watch.was_cut:
                raise self._too_slow(path) from error
            raise TransferFailed(
                f"{self._url(path)} did not come: {reason(error)}.",
                mend="Look at the network, and at the date where a certificate is refused.",
            ) from error

    def _too_slow(self, path: str) -> TransferFailed:
        least = self._pace.least_bytes_per_second
        return TransferFailed(f"{self._url(path)} came too slowly: expected {least:,.0f} bytes a second or more.")


def _discard(response: BaseHTTPResponse) -> None:
    """Read a short refusal to its end, so that the connection can be used again; else close it."""
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) <= LARGEST_ANSWER:
        response.read()
        response.release_conn()
    else:
        response.close()


def _to_skip(response: BaseHTTPResponse, url: str, start: int) -> int:
    """How many bytes of the answer lie before the place from which it was asked for."""
    if response.status == WHOLE:
        return start
    said = response.headers.get("Content-Range", "")
    if not said.startswith(f"bytes {start}-"):
        raise TransferFailed(f"{url} was answered with another part: expected from byte {start}, found {said[:80]!r}.")
    return 0


def reason(error: BaseException) -> str:
    """The innermost cause, in one line."""
    while error.__cause__ is not None or getattr(error, "reason", None) is not None:
        inner = getattr(error, "reason", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error
        if not isinstance(error, HTTPError):
            break
    return " ".join(str(error).split())[:300] or type(error).__name__
