"""The service against somebody who means harm: nothing breaks, nobody is locked out, nothing half written stays."""

import json
import socket
import sqlite3
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
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
