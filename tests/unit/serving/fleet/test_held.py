"""Many at once, and a database that another process holds."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3

from fleet_service import FieldDevice, running
from fleet_service.device import counts
from fleet_service.postgres import emptied
from slipway.platform.errors import SlipwayError
from slipway.serving.bundle.canonical import sha256
from slipway.serving.edge.fleet.wire import Enrolling
from slipway.serving.fleet.store import opening
from slipway.serving.fleet.store.enrolling import By, Token
from slipway.serving.fleet.store.refusals import Replayed, TokenRefused
from slipway.serving.fleet.store.store import FleetStore

SUBJECT = f"parcel/3/{3:064x}"
MANY = 16
ADA = By("ada", b"signed")
HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def _held(path: Path, how: str) -> Iterator[None]:
    """Another process holds the database."""
    command = [sys.executable, "-c", HOLD, str(path), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.stdin.close()


def test_a_held_store_says_so_to_all_that_wait_and_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PATIENCE_S", 0.5)
    with running(tmp_path) as fleet, ThreadPoolExecutor(MANY) as many:
        gates = [fleet.device(f"gate-{number}") for number in range(MANY)]

        def report(gate: FieldDevice) -> int:
            now = datetime.now(UTC)
            return gate.report(records=[counts(f"{1:016x}-1", SUBJECT, now, answered=1)])[0]

        with _held(tmp_path / "fleet.db", "begin immediate"):
            begun = time.monotonic()
            assert set(many.map(report, gates)) == {503}
            assert time.monotonic() - begun < MANY * opening.PATIENCE_S / 2, "nobody waits for the others' turns"
            assert urllib3.request("GET", f"{fleet.url}/readyz").status == 200
        assert set(many.map(report, gates)) == {200}
        assert set(many.map(report, gates)) == {200}
        now = datetime.now(UTC)
        found = fleet.store.work("parcel", since=now - timedelta(hours=1), until=now + timedelta(hours=1))
        assert [one.counts for one in found] == [{"answered": 1}] * MANY


def test_what_is_locked_at_the_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PATIENCE_S", 0.1)
    FleetStore("sqlite:///fleet.db", tmp_path).close()
    with _held(tmp_path / "fleet.db", "begin exclusive"), pytest.raises(SlipwayError, match="is locked"):
        FleetStore("sqlite:///fleet.db", tmp_path)
    with sqlite3.connect(tmp_path / "fleet.db") as plain:
        plain.execute("pragma locking_mode = exclusive")
        plain.execute("create table mine (x)")
        with pytest.raises(SlipwayError, match="is locked"):
            FleetStore("sqlite:///fleet.db", tmp_path)
    plain.close()


def test_a_server_that_drops_its_connections_is_asked_anew(server: str, tmp_path: Path) -> None:
    with running(tmp_path, database=emptied(server)) as fleet:
        gate, now = fleet.device("gate-1"), datetime.now(UTC)
        for number in range(1, 4):
            engine = opening.open_engine(fleet.store.url, writes=False)
            with engine.connect() as connection:
                others = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                connection.exec_driver_sql(others).all()
            engine.dispose()
            codes: list[int] = []
            while 200 not in codes[-1:]:
                codes.append(gate.report(records=[counts(f"{1:016x}-{number}", SUBJECT, now, answered=1)])[0])
            assert codes in ([200], [503, 200])
        found = fleet.store.work("parcel", since=now - timedelta(hours=1), until=now + timedelta(hours=1))
        assert [one.counts for one in found] == [{"answered": 3}]


def test_of_many_who_use_one_token_at_once_one_becomes_a_device(database: str, tmp_path: Path) -> None:
    """Also where two services share the database; to the one that did, its second request is a replay."""
    token = f"sw1-{'0' * 64}-{'0' * 32}"
    with FleetStore(database, tmp_path) as one, FleetStore(database, tmp_path) as other:
        made = Token(sha256(token.encode()), datetime.now(UTC) + timedelta(days=1), ("parcel",))
        one.make_tokens(b"root", [made], ADA)
        futures = [store.enrol(_asked(token, n), 1, b"") for n in range(MANY) for store in (one, other)]
        errors = [future.exception(30) for future in futures]
        assert len(one.devices()) == 1
    assert errors.count(None) == 1
    assert {type(error) for error in errors if error} <= {TokenRefused, Replayed}


def _asked(token: str, number: int) -> Enrolling:
    key = f"{number:064x}"
    return Enrolling(token=token, id=f"gate-{number}", device_class="edge-cpu", public_key=key, agent="0.1.0")
