"""What MLflow tells by its webhooks, received on a port of this machine and believed only when it was signed.

A delivery is a POST with the time, a delivery's id and an HMAC-SHA256 over `id.time.body` (MLflow's scheme `v1`). It is
refused when it is larger than an alias's event can be, wrongly signed, from another time than now, or one that was seen
before. One that is accepted is a hint and no more: it names a model to look at, and what is done about it follows from
the ledger and from what MLflow then says.
"""

import base64
import hashlib
import hmac
import json
import logging
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

SIGNATURE: Final = "x-mlflow-signature"
TIME: Final = "x-mlflow-timestamp"
DELIVERY: Final = "x-mlflow-delivery-id"
SCHEME: Final = "v1"
ENTITY: Final = "model_version_alias"
LARGEST: Final = 64 * 1024
"""Bytes of a body that are read."""
WINDOW: Final = 300.0
"""Seconds that a delivery's time may be from now."""
REMEMBERED: Final = 10_000
SLOWEST: Final = 10.0
"""Seconds that a sender may be silent."""
AT_ONCE: Final = 16
"""Connections that are answered at once."""

log = logging.getLogger(__name__)


class DeliveryRefused(Exception):
    """A delivery that counts for nothing."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Receiver:
    """Judges deliveries; remembers which it has seen."""

    secret: str
    now: Callable[[], float]
    """Seconds since 1970."""
    _seen: "OrderedDict[str, float]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def model_of(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The model whose alias was set or deleted; None for events of other kinds. Headers are in lower case."""
        identity, moment = headers.get(DELIVERY, ""), headers.get(TIME, "")
        if not hmac.compare_digest(signature(self.secret, identity, moment, body), headers.get(SIGNATURE, "").encode()):
            raise DeliveryRefused(HTTPStatus.UNAUTHORIZED, "it is not signed with our secret")
        if not moment.isdecimal() or abs(self.now() - int(moment)) > WINDOW:
            raise DeliveryRefused(HTTPStatus.UNAUTHORIZED, f"it is from {moment[:20]}, which is not now")
        if not self._is_new(identity):
            raise DeliveryRefused(HTTPStatus.CONFLICT, "it was delivered before")
        return model_in(body)

    def _is_new(self, identity: str) -> bool:
        with self._lock:
            now = self.now()
            while self._seen and (len(self._seen) > REMEMBERED or next(iter(self._seen.values())) < now - 2 * WINDOW):
                self._seen.popitem(last=False)
            if identity in self._seen:
                return False
            self._seen[identity] = now
            return True


def signature(secret: str, identity: str, moment: str, body: bytes) -> bytes:
    """What the signature of a delivery is."""
    signed = f"{identity}.{moment}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return f"{SCHEME},{base64.b64encode(digest).decode()}".encode()


def model_in(body: bytes) -> str | None:
    """The model that an event is about; None for events of other kinds."""
    try:
        told = json.loads(body)
        name = told["data"]["name"] if told["entity"] == ENTITY else None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DeliveryRefused(HTTPStatus.BAD_REQUEST, "it is no event of MLflow") from None
    return name if isinstance(name, str) else None


class Listener(ThreadingHTTPServer):
    """Listens on an address; `wake` is called with the name of each model that was told of."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], receiver: Receiver, wake: Callable[[str], None]) -> None:
        self.receiver, self.wake = receiver, wake
        self._free = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(address, Handler)

    @property
    def port(self) -> int:
        """The port that it got."""
        return int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Answer in a thread of its own, unless too many are busy; then the sender may come again."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Answer one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """A sender who goes away is no event."""
        log.debug("The webhook's sender %s has gone from %s.", client_address, request, exc_info=sys.exc_info())


class Handler(BaseHTTPRequestHandler):
    """Answers one delivery."""

    server: Listener
    timeout = SLOWEST
    server_version = "slipway-guard"
    sys_version = ""

    def do_POST(self) -> None:
        try:
            model = self.server.receiver.model_of(self._headers(), self._body())
        except DeliveryRefused as refused:
            log.warning("A webhook's delivery from %s is refused: %s.", self.client_address[0], refused)
            self._answer(refused.status)
            return
        if model is not None:
            self.server.wake(model)
        self._answer(HTTPStatus.NO_CONTENT)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as http.server has it
        log.debug(format, *arguments)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise DeliveryRefused(HTTPStatus.LENGTH_REQUIRED, "it does not say how long it is")
        if int(length) > LARGEST:
            raise DeliveryRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"it has {length} bytes")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise DeliveryRefused(HTTPStatus.BAD_REQUEST, "it ends early")
        return body

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
