"""One request to the fleet service and its answer, bounded in time and size.

Redirects are refused, and so is plain http other than to this very machine unless it was asked for. Nothing is tried
twice here: the caller knows what a lost answer means.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError

from slipway.serving.channel.http_address import Kind, checked_address
from slipway.serving.channel.http_transport import USUAL, Pace, reason
from slipway.serving.channel.http_watch import Watch, WatchedPool, WatchedTlsPool
from slipway.serving.edge.configuration import Network
from slipway.serving.edge.fleet.wire import LARGEST_ANSWER, Said
from slipway.serving.errors import SlipwayError

FLEET: Final = Kind(
    "a fleet service",
    "It looks like https://fleet.example.org.",
    "The address of the fleet service has a password in it.",
    "others read then what this device tells",
)
PIECE: Final = 16 * 1024
HEADERS: Final = 512
"""Bytes of a request and its answer beside their bodies, about, for who counts them."""


class NotReached(SlipwayError):
    """The service gave no answer that can be used: it may have done what was asked, or not."""


@dataclass(frozen=True)
class Answer:
    """What the service said."""

    status: int
    body: bytes

    @property
    def said(self) -> Said | None:
        """Why it refused; None where it does not say that in a way that can be read."""
        with suppress(ValidationError, RecursionError):
            return Said.model_validate_json(self.body)
        return None


class Service:
    """The fleet service at an address. For one thread at a time."""

    def __init__(
        self, address: str, *, pace: Pace = USUAL, plain: bool = False, authorities: Path | None = None
    ) -> None:
        """`plain` allows http to other machines; `authorities` are trusted in place of the system's."""
        self.address = address.rstrip("/")
        self._url = checked_address(self.address, FLEET, plain=plain)
        self._pace = pace
        self._context = (
            ssl.create_default_context(cafile=str(authorities) if authorities else None)
            if self._url.scheme == "https"
            else None
        )

    def post(self, path: str, body: bytes, authorization: str) -> Answer:
        """Say this, and read the whole answer."""
        pace = self._pace
        watch = Watch(min(1.0, pace.patience_seconds / 10))
        most = pace.connect_seconds + 2 * pace.patience_seconds + len(body) / pace.least_bytes_per_second
        headers = {
            "Accept-Encoding": "identity",
            "Authorization": authorization,
            "Content-Type": "application/json",
            "User-Agent": "slipway-edge",
        }
        with watch.watching(), self._told(watch), self._pool(watch) as pool, watch.waiting(most):
            response = pool.urlopen(
                "POST", f"{self._url.path}{path}", body=body, headers=headers, redirect=False,
                preload_content=False, decode_content=False,
            )  # fmt: skip
            try:
                answer = self._read(response)
            finally:
                response.close()
        if watch.was_cut:
            raise self._too_slow()
        return answer

    def _read(self, response: BaseHTTPResponse) -> Answer:
        if location := response.headers.get("Location"):
            raise NotReached(f"{self.address} points to {location[:200]!r}; redirects are refused.")
        data = bytearray()
        while piece := response.read1(PIECE):
            data += piece
            if len(data) > LARGEST_ANSWER:
                raise NotReached(f"{self.address} answered more than {LARGEST_ANSWER:,} bytes.")
        return Answer(response.status, bytes(data))

    @contextmanager
    def _pool(self, watch: Watch) -> Iterator[WatchedPool | WatchedTlsPool]:
        """A connection for one request: between two, a minute passes."""
        shared: dict[str, Any] = {
            "maxsize": 1,
            "retries": False,
            "timeout": Timeout(connect=self._pace.connect_seconds, read=self._pace.silent_seconds),
            "watch": watch,
        }
        host, port = self._url.host, self._url.port
        pool: WatchedPool | WatchedTlsPool
        if self._context is not None:
            pool = WatchedTlsPool(host, port, ssl_context=self._context, **shared)
        else:
            pool = WatchedPool(host, port, **shared)
        try:
            yield pool
        finally:
            pool.close()

    @contextmanager
    def _told(self, watch: Watch) -> Iterator[None]:
        """Turn the library's errors into one."""
        try:
            yield
        except (HTTPError, OSError) as error:
            if watch.was_cut:
                raise self._too_slow() from error
            raise NotReached(
                f"{self.address} was not reached: {reason(error)}.",
                mend="Look at the network, and at the date where a certificate is refused.",
            ) from error

    def _too_slow(self) -> NotReached:
        return NotReached(f"{self.address} was too slow to answer.")


def service_of(address: str, network: Network) -> Service:
    """The service at an address, with the patience that this device has."""
    pace = Pace(
        silent_seconds=network.patience_s,
        patience_seconds=network.patience_s,
        least_bytes_per_second=network.least_bytes_per_second,
    )
    authorities = Path(network.authorities) if network.authorities else None
    return Service(address, pace=pace, plain=network.plain_http, authorities=authorities)
