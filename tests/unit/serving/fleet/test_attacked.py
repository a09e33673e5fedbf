"""The service against somebody who means harm: nothing breaks, nobody is locked out, nothing half written stays."""

import gzip
import json
import socket
import sqlite3
import time
from collections.abc import Iterable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy
import urllib3

from fleet_service import Running
from fleet_service.device import counts, record, standing
from slipway.serving.edge.fleet import wire
from slipway.serving.edge.fleet.signing import header
from slipway.serving.fleet.service import bodies
from slipway.serving.fleet.service.connecting import Connection
from slipway.serving.fleet.store.opening import address, open_engine
from slipway.serving.fleet.store.writer import StoreClosed, Writer

SUBJECT = f"parcel/3/{3:064x}"
HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b"\x00",
    b"NaN",
    b"[" * 200_000,
    b'{"at":' * 50_000,
    b'{"format": 1e999}',
    b'{"left": ' + b"9" * 5_000 + b"}",
    b'{"at": "0001-01-01T00:00:00+14:00", "time": "9999-12-31T23:59:59-14:00", "agent": "1.0.0"}',
    b'{"at": 9e99, "time": -9e99, "agent": "1.0.0"}',
    b'{"at": "2026-01-01T00:00:00Z", "time": "2026-01-01T00:00:00Z", "agent": "\\ud800"}',
]


def test_whatever_a_device_signs_is_answered_and_breaks_nothing(fleet: Running) -> None:
    gate = fleet.device("gate-1")
    path = wire.reports_path(gate.id)
    codes = []
    for body in HOSTILE:
        gate.sequence += 1
        codes.append(gate.send(path, body, header("POST", path, gate.id, gate.sequence, body, gate.key.sign))[0])
    assert all(code < 500 for code in codes), codes
    assert gate.report()[0] == 200


def test_counts_and_times_that_cannot_be_are_let_go(fleet: Running) -> None:
    gate, now = fleet.device("gate-1"), datetime.now(UTC)
    bodies = (b'{"answered": -1}', b'{"answered": NaN}', b'{"answered": 9223372036854775808}', b"[" * 100_000)
    told = [record(f"{1:016x}-{n}", "counts", SUBJECT, now, body) for n, body in enumerate(bodies)]
    years = [now + timedelta(days=days) for days in (-700_000, 2_900_000)]
    told += [counts(f"{2:016x}-{n}", SUBJECT, at, answered=1) for n, at in enumerate(years)]
    told += [record(f"{3:016x}-1", "sample", "x'; drop table devices; --", now, b'{"decision": "x", "why": 1}\nx')]
    code, answer = gate.report(records=told, standings=[standing("parcel", 3, bad=[10**400, -1])])
    assert (code, answer["stored"]) == (200, len(told))
    (work,) = fleet.store.work("parcel", since=now - timedelta(days=1), until=now + timedelta(days=1))
    assert work.counts == {"answered": 2}


def test_a_number_out_of_reach_locks_no_device_out(fleet: Running) -> None:
    gate = fleet.device("gate-1")
    before = gate.sequence
    for far in (2**53, 9_999_999_999_999_999):
        gate.sequence = far - 1
        code, answer = gate.report()
        assert (code, answer.get("sequence")) == (422, None)
    gate.sequence = before
    assert gate.report()[0] == 200


def test_a_new_device_begins_within_reach(fleet: Running) -> None:
    token = fleet.token()
    gate = fleet.device("gate-1")
    other = type(gate)(fleet.url, "gate-2", sequence=9_999_999_999_999_998)
    assert other.enrol(token)[0] == 422
    other.sequence = 0
    assert other.enrol(token)[0] == 200


def test_a_store_that_another_holds_says_when_to_come_again(fleet: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> "Future[int]":
        found: Future[int] = Future()
        found.set_exception(sqlalchemy.exc.OperationalError("insert", {}, sqlite3.OperationalError("disk is full")))
        return found

    gate = fleet.device("gate-1")
    for broken in (full, _closed):
        monkeypatch.setattr(fleet.store, "take", broken)
        gate.sequence += 1
        now = datetime.now(UTC).isoformat()
        body = json.dumps({"at": now, "time": now, "agent": "1.0.0"}).encode()
        path = wire.reports_path(gate.id)
        signed = header("POST", path, gate.id, gate.sequence, body, gate.key.sign)
        answer = urllib3.request("POST", fleet.url + path, body=body, headers={"Authorization": signed}, retries=False)
        assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: "])
def test_who_says_too_little_is_not_listened_to_for_ever(
    fleet: Running, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(Connection, "patience_s", 0.2)
    with _connected(fleet) as sent:
        sent.sendall(said)
        assert sent.recv(100) == b""


def test_headers_without_end_are_not_read_to_the_end(fleet: Running) -> None:
    with _connected(fleet) as sent, pytest.raises(OSError, match=r"reset|Broken pipe"):
        sent.sendall(b"GET /healthz HTTP/1.1\r\nA: " + b"a" * 64_000_000)


def test_a_connection_that_lasts_is_given_the_same_time_for_each_request(fleet: Running) -> None:
    with _connected(fleet) as sent:
        for _ in range(3):
            sent.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sent.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("length", ["Transfer-Encoding: chunked", "Content-Length: 9999999999"])
def test_a_body_without_end_is_not_read_to_the_end(
    fleet: Running, monkeypatch: pytest.MonkeyPatch, length: str
) -> None:
    """The first is answered before its body, the second in the middle of it."""
    monkeypatch.setattr(Connection, "patience_s", 0.2)
    gate, piece = fleet.device("gate-1"), b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    for path in ("/healthz", wire.ENROL, wire.reports_path(gate.id)):
        proof = header("POST", path, gate.id, 90, b"", gate.key.sign)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {proof}\r\n{length}\r\n\r\n".encode()
        with _connected(fleet) as sent, pytest.raises(OSError, match=r"reset|Broken pipe"):
            _send_all(sent, chain([head], repeat(piece)))
    assert gate.report()[0] == 200


def _send_all(sent: socket.socket, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        sent.sendall(piece)


def test_who_goes_in_the_middle_of_a_body_breaks_nothing(fleet: Running) -> None:
    with _connected(fleet) as sent:
        sent.sendall(f"POST {wire.ENROL} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode() + b"{")
    told, until = "", time.monotonic() + 30
    while wire.ENROL not in told and time.monotonic() < until:
        told = urllib3.request("GET", f"{fleet.url}/metrics").data.decode()
    assert f'slipway_fleet_requests_total{{route="{wire.ENROL}",code="400"}} 1' in told


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Content-Length: 4\r\nContent-Length: 5",
        "Transfer-Encoding: xchunked",
        "Content-Length: -1",
        "Content-Length: 4\r\nHost: y.example",
    ],
)
def test_a_request_that_two_could_read_in_two_ways_is_read_in_none(fleet: Running, lengths: str) -> None:
    with _connected(fleet) as sent:
        sent.sendall(f"POST {wire.ENROL} HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n".encode())
        assert sent.recv(1000).split()[1] in (b"400", b"421")


def test_a_body_that_comes_too_slowly_is_not_waited_for(fleet: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.2)
    gate = fleet.device("gate-1")
    for path in (wire.ENROL, wire.reports_path(gate.id)):
        proof = header("POST", path, gate.id, 90, b"", gate.key.sign)
        with _connected(fleet) as sent:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {proof}\r\nContent-Length: 100\r\n\r\n"
            sent.sendall(head.encode() + b"{")
            assert sent.recv(1000).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x"])
def test_a_packed_body_is_not_unpacked(fleet: Running, packing: str) -> None:
    gate = fleet.device("gate-1")
    body = gzip.compress(b" " * 10_000_000)
    for path in (wire.ENROL, wire.reports_path(gate.id)):
        proof = header("POST", path, gate.id, 90, body, gate.key.sign)
        headers = {"Authorization": proof, "Content-Encoding": packing}
        assert urllib3.request("POST", fleet.url + path, body=body, headers=headers, retries=False).status == 415


@pytest.mark.parametrize(
    "line",
    [
        "GET //v1/devices HTTP/1.1",
        "GET /v1/devices/ HTTP/1.1",
        "GET /v1/./devices HTTP/1.1",
        "GET /static/../v1/devices HTTP/1.1",
        "GET /static/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1",
        "GET /static/..%5c..%5cetc HTTP/1.1",
        "GET /v1/devices/%00 HTTP/1.1",
        "GET /v1/devices/%ff%fe HTTP/1.1",
        "GET /v1/devices/gate%2d1%2freports HTTP/1.1",
        "GET /v1/devices;x=1 HTTP/1.1",
        "GET http://evil.example/v1/devices HTTP/1.1",
        "GET /session/%00 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "TRACE /v1/devices HTTP/1.1",
        "CONNECT evil.example:443 HTTP/1.1",
        "BREW /v1/devices HTTP/1.1",
        "GET /v1/devices HTTP/9.9",
        "GET /v1/devices?limit=%00&limit=9&site=%ff HTTP/1.1",
    ],
)
def test_a_strange_path_leads_nowhere(fleet: Running, line: str) -> None:
    with _connected(fleet) as sent:
        sent.sendall(f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        code = int(sent.recv(1000).split()[1])
    assert 400 <= code < 500 or code == 307, line
    assert urllib3.request("GET", f"{fleet.url}/readyz").status == 200


def test_an_upgrade_is_no_way_around(fleet: Running) -> None:
    head = "GET /v1/devices HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    more = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    with _connected(fleet) as sent:
        sent.sendall((head + more).encode())
        assert sent.recv(1000).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("letter", ["\0", "\x1b", "\x7f", "\x9b", "\u2028", "\ud800"])
def test_letters_that_steer_a_terminal_are_not_taken(fleet: Running, letter: str) -> None:
    gate = fleet.device("gate-1")
    reason = f"it was{letter}stolen"
    for path, told in (
        ("/v1/devices/gate-1/revoke", {"reason": reason}),
        ("/v1/tokens/withdraw", {"reason": reason, "tokens": ["0" * 64]}),
        ("/v1/outcomes", {"outcomes": [{"decision": "x", "truth": reason, "source": "audit", "right": True}]}),
        ("/v1/outcomes", {"outcomes": [{"decision": "x", "truth": "x", "source": reason, "right": True}]}),
    ):
        assert fleet.send(fleet.operator, "POST", path, told)[0] == 422
    told = standing("parcel", 3, variant=f"cpu{letter}", provider=f"cpu{letter}", why=reason, phase=f"x{letter}")
    code, _ = gate.report(standings=[told])
    assert code == (422 if letter == "\ud800" else 200)
    found = fleet.store.device("gate-1")
    assert found is not None
    for one in found.running.values():
        assert not set("\0\x1b\x7f\x9b\u2028") & set(f"{one.variant}{one.provider}{one.why}{one.phase}")


def _connected(fleet: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(fleet.url).port or 0), timeout=30)


def _closed(_: object) -> Any:
    raise StoreClosed("The fleet store takes nothing more now.")


def test_unguarded_work_that_breaks_leaves_nothing_and_takes_nobody_along(tmp_path: Path) -> None:
    engine = open_engine(address("sqlite:///one.db", tmp_path), writes=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table told (name text)")

    def write(name: str, *, breaks: bool = False) -> Any:
        def work(connection: sqlalchemy.Connection) -> str:
            connection.exec_driver_sql("insert into told values (?)", (name,))
            if breaks:
                raise OverflowError(name)
            return name

        return work

    writer = Writer(engine, lambda: None)
    jobs = [writer.submit(write(f"{n}", breaks=n == 1), guarded=False) for n in range(3)]
    gone: Future[Any] = writer.submit(write("gone"), guarded=False)
    gone.cancel()
    assert isinstance(jobs[1].exception(10), OverflowError)
    assert writer.submit(write("last")).result(10) == "last"
    writer.close()
    with engine.begin() as connection:
        found = [row[0] for row in connection.exec_driver_sql("select name from told")]
    engine.dispose()
    assert "1" not in found
    assert {"0", "2", "last"} <= set(found)
