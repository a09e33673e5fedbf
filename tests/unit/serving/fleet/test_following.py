"""Devices that follow a model, counted and added up by the database, on SQLite and PostgreSQL."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.looks import Looked
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, HEARD, HOURS, STANDINGS, SUBJECTS

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[FleetStore]:
    with FleetStore(database, tmp_path, now=lambda: NOW) as store:
        yield store


def _device(name: str, *models: str, revoked: bool = False, cohorts: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"id": name, "public_key": f"{name:0>64}", "device_class": "x86", "site": "mill", "token": "",
            "cohorts": json.dumps(cohorts), "models": json.dumps(models), "enrolled_at": 0,
            "revoked_at": 1 if revoked else None}  # fmt: skip


def _standing(device: str, model: str, release: int | None, **other: Any) -> dict[str, Any]:
    told = {"shadow": None, "coming": None, "bad": "[]"} | other
    return {"device": device, "model": model, "phase": "settled", "release": release, "provider": "cpu", "since": 0,
            "sequence": 1, "why": "", **told}  # fmt: skip


def _heard(device: str, ago: timedelta) -> dict[str, Any]:
    return {"device": device, "sequence": 1, "at": times.stamp(NOW - ago), "clock_ms": 0, "left": 0, "said": "",
            "agent": "", "site_sequence": 0, "streams": "{}", "unreadable": 0}  # fmt: skip


def _fill(store: FleetStore) -> None:
    devices = [
        _device("a", "birds", cohorts=("early",)),
        _device("b", "birds_%", "birds"),
        _device("c", "birds-of-prey"),
        _device("d", "birds", revoked=True),
        _device("e"),
    ]
    standings = [
        _standing("a", "birds", 2, coming=3),
        _standing("d", "birds", 2),
        _standing("e", "birds", 1, bad="[2, 3]", shadow=4),
        _standing("e", "fish", None),
    ]

    def add(connection: Any) -> None:
        connection.execute(insert(DEVICES), devices)
        connection.execute(insert(STANDINGS), standings)
        connection.execute(insert(HEARD), [_heard("a", HOUR), _heard("b", 3 * HOUR), _heard("d", HOUR)])

    store.writer.do(add)


def test_followers_are_to_run_the_model_or_do(store: FleetStore) -> None:
    _fill(store)
    found = store.followers("birds", list)
    assert [one.id for one in found] == ["a", "b", "e"]
    assert (found[0].release, found[0].coming, found[0].cohorts) == (2, 3, frozenset({"early"}))
    assert (found[1].release, found[1].heard_at) == (None, times.stamp(NOW - 3 * HOUR))
    assert (found[2].bad, found[2].shadow, found[2].heard_at) == ((2, 3), 4, None)
    since = times.stamp(NOW - 2 * HOUR)
    assert [one.silent(since) for one in found] == [False, True, True]
    assert [one.id for one in store.followers("birds_%", list)] == ["b"], "a name is no pattern"


def test_devices_are_counted_by_what_they_run_and_when_they_were_heard(store: FleetStore) -> None:
    _fill(store)
    counted = {(one.model, one.release): one.devices for one in store.running()}
    assert counted == {("birds", 2): 1, ("birds", 1): 1, ("fish", None): 1}
    assert store.heard(NOW - 2 * HOUR)[:2] == (4, 3)


def test_work_of_groups_is_added_up_without_those_in_none(store: FleetStore) -> None:
    _fill(store)

    def hour(device: str, ago: int, answered: int) -> dict[str, Any]:
        done = Sum()
        done.add_counts({"answered": answered})
        at = times.stamp(NOW - ago * HOUR)
        return {"subject": 1, "at": at, "device": device, "first": at, "last": at + 1, **done.columns()}

    def add(connection: Any) -> None:
        connection.execute(insert(SUBJECTS), [{"number": 1, "name": "birds/2/x", "model": "birds", "release": 2}])
        connection.execute(
            insert(HOURS), [hour("a", 1, 5), hour("a", 2, 7), hour("b", 1, 11), hour("e", 1, 13), hour("a", 9, 17)]
        )

    store.writer.do(add)
    groups = {"a": "mill", "b": "mill"}
    found = store.together("birds", groups, since=NOW - 3 * HOUR, until=NOW)
    assert {key: done.counts for key, done in found.items()} == {("mill", 2): {"answered": 23}}


def test_the_last_look_takes_the_place_of_the_one_before(store: FleetStore) -> None:
    assert store.look("birds") is None
    store.note_look("birds", {"wave": "canary"})
    store.note_look("birds", {"wave": "all"})
    assert store.look("birds") == Looked(NOW, {"wave": "all"})
    assert store.look("fish") is None
