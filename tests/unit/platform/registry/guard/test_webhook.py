"""A delivery that MLflow did not sign now, or that came before, wakes nobody."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from slipway.platform.registry.webhook import (
    AT_ONCE,
    DELIVERY,
    LARGEST,
    REMEMBERED,
    SIGNATURE,
    TIME,
    WINDOW,
    DeliveryRefused,
    Listener,
    Receiver,
    signature,
)

SECRET = "quiet-as-a-parked-car"
NOW = 1_770_000_000.0


class Port:
    """A listener, whom it woke, and a sender."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.listener = Listener(("127.0.0.1", 0), Receiver(SECRET, lambda: NOW), self.woken.append)

    def send(self, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.listener.port, timeout=30)) as connection:
            connection.request(method, "/", body, headers)
            return connection.getresponse().status


@pytest.fixture
def port() -> Iterator[Port]:
    port = Port()
    thread = threading.Thread(target=port.listener.serve_forever, args=(0.02,))
    thread.start()
    yield port
    port.listener.shutdown()
    port.listener.server_close()
    thread.join()


def event(entity: str = "model_version_alias", **data: str) -> bytes:
    told = {"name": "vehicle-reid", "alias": "champion", "version": "3", **data}
    return json.dumps({"entity": entity, "action": "created", "timestamp": "x", "data": told}).encode()


def signed(body: bytes, identity: str = "d-1", moment: float = NOW, secret: str = SECRET) -> dict[str, str]:
    when = str(int(moment))
    return {DELIVERY: identity, TIME: when, SIGNATURE: signature(secret, identity, when, body).decode()}


def test_a_signed_delivery_wakes_whoever_looks_after_the_model(port: Port) -> None:
    assert port.send(event(), signed(event())) == 204
    assert port.woken == ["vehicle-reid"]


def test_it_is_signed_as_mlflow_signs() -> None:
    from mlflow.webhooks.delivery import _generate_hmac_signature

    body = event()
    sign: Any = _generate_hmac_signature
    assert sign(SECRET, "d-1", "1770000000", body.decode()).encode() == signature(SECRET, "d-1", "1770000000", body)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(event(), secret="guessed"),
        signed(event(version="4")),
        {**signed(event()), DELIVERY: "d-2"},
        {**signed(event()), TIME: str(int(NOW) + 1)},
        {**signed(event()), SIGNATURE: "v1,"},
        {**signed(event()), SIGNATURE: "v1,\xff"},
        signed(event(), moment=NOW - WINDOW - 1),
        signed(event(), moment=NOW + WINDOW + 1),
    ],
    ids=["unsigned", "secret", "body", "delivery", "moment", "empty", "letters", "old", "early"],
)
def test_a_delivery_that_is_not_signed_right_is_refused(port: Port, headers: dict[str, str]) -> None:
    assert port.send(event(), headers) == 401
    assert port.woken == []


def test_a_delivery_counts_once(port: Port) -> None:
    assert [port.send(event(), signed(event())) for _ in range(2)] == [204, 409]
    assert port.woken == ["vehicle-reid"]
    assert port.send(event(), signed(event(), "d-2")) == 204


def test_what_is_too_large_is_not_read(port: Port) -> None:
    assert port.send(b"", {**signed(b""), "Content-Length": str(LARGEST + 1)}) == 413
    assert port.send(b"", {**signed(b""), "Content-Length": "many"}) == 411
    assert port.woken == []


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b'{"entity": "model_version_alias"}', b"[" * 50_000, b"\xff"])
def test_what_is_no_event_is_refused(port: Port, body: bytes) -> None:
    assert port.send(body, signed(body)) == 400
    assert port.woken == []


def test_other_events_and_other_requests_wake_nobody(port: Port) -> None:
    tag = event("model_version_tag")
    assert port.send(tag, signed(tag)) == 204
    assert port.send(b"", {}, "GET") == 501
    assert port.woken == []


def test_silent_senders_keep_nobody_else_out_for_long(port: Port) -> None:
    silent = [http.client.HTTPConnection("127.0.0.1", port.listener.port) for _ in range(AT_ONCE)]
    for connection in silent:
        connection.connect()
        connection.send(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        port.send(event(), signed(event()))
    for connection in silent:
        connection.close()
    while True:
        try:
            assert port.send(event(), signed(event())) == 204
        except (ConnectionError, http.client.HTTPException):
            continue
        break
    assert port.woken == ["vehicle-reid"]


def test_deliveries_are_forgotten_when_nobody_could_replay_them() -> None:
    now = [NOW]
    receiver = Receiver(SECRET, lambda: now[0])

    def deliver(identity: str) -> None:
        headers = signed(event(), identity, now[0])
        assert receiver.model_of(headers, event()) == "vehicle-reid"

    for number in range(REMEMBERED + 2):
        deliver(f"d-{number}")
    assert len(receiver._seen) <= REMEMBERED + 1
    now[0] += 3 * WINDOW
    deliver("last")
    assert list(receiver._seen) == ["last"]
    with pytest.raises(DeliveryRefused, match="before"):
        deliver("last")
