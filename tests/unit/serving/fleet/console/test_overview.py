"""All models at a glance: what is known is told, what is not known is said, and nothing waits for what is far away."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

import small_onnx
from console_world import World
from rolling_out import MODEL
from slipway.platform.data.manifest import NAME, Manifest
from slipway.platform.data.record import key_of, make_record, save_record
from slipway.platform.errors import SlipwayError
from slipway.platform.identity import People
from slipway.platform.ledger.entry import Action, Decision
from slipway.platform.registry.bundles import bundle_key, keep_bundle
from slipway.platform.registry.desk import Desk
from slipway.platform.runs.entries import Entry, segment
from slipway.platform.runs.index import BY, RUNS
from slipway.platform.runs.records import State
from slipway.platform.store import Store
from slipway.platform.store.directory import DirectoryStore
from slipway.serving.channel.pointer import Wave
from slipway.serving.fleet.console import overview
from slipway.serving.fleet.console.folds import Folds
from slipway.serving.fleet.console.progress import Members, progress
from slipway.serving.fleet.console.records import Costs, costs_of, data_of
from slipway.serving.fleet.console.remembering import IDLE, Remembered
from slipway.serving.fleet.service.refusing import Refusal
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.following import Follower
from slipway.serving.fleet.store.tables import HEARD, STANDINGS
from slipway.serving.release.moving import pinning

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
FRESH = timedelta(minutes=1)
PATIENT = 10.0


def test_a_wave_is_told_by_its_own_devices_and_what_keeps_the_others(world: World) -> None:
    world.devices(200, 1)
    wave = world.site.rollout.wave
    members = [name for name in (f"gate-{number:05}" for number in range(200)) if wave.includes(name, frozenset())]
    failed, silent, *there = members
    assert len(there) > 3
    heard = {"sequence": 1, "clock_ms": 0, "left": 0, "said": "", "agent": "", "site_sequence": 0, "streams": "{}",
             "unreadable": 0, "at": times.stamp(datetime.now(UTC))}  # fmt: skip
    others = [name for name in (f"gate-{number:05}" for number in range(200)) if name != silent]

    def tell(connection: Any) -> None:
        connection.execute(insert(HEARD), [{"device": name, **heard} for name in others])
        connection.execute(update(STANDINGS).where(STANDINGS.c.device.in_(there)).values(release=2))
        connection.execute(update(STANDINGS).where(STANDINGS.c.device == failed).values(bad="[2]"))

    world.store.writer.do(tell)
    text = world.browser("ben").get("/").text
    told = f"{len(there)} of {len(members)} devices of the wave run it ({100 * len(there) / len(members):.0f} %)"
    assert told in text
    assert "1 went back from it by themselves" in text
    assert '<a class="bad" href="/fleet?state=silent">1 silent</a>' in text
    page = world.browser("ben").get(f"/models/{MODEL}").text
    assert told in page
    assert f'<a href="/devices/{failed}"' in page
    assert f'<a href="/devices/{silent}"' in page
    assert f'<a href="/devices/{there[0]}"' not in page


def test_what_is_not_known_is_said(world: World) -> None:
    world.store.writer.do(lambda connection: connection.execute(delete(STANDINGS)))
    browser = world.browser("ben")
    text = _settled(lambda: browser.get("/").text)
    assert "No device that is known here is meant for this wave." in text
    assert "not known: it came from outside" in text
    assert "not known: the store has no run of it" in text
    assert "passed</span>, version 2" in text


def test_a_page_is_complete_while_the_store_is_asked_still(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()

    def slow(store: Store, model: str, now: datetime) -> Costs:
        assert may_end.wait(PATIENT)
        return costs_of(store, model, now)

    monkeypatch.setattr(overview, "costs_of", slow)
    browser = world.browser("ben")
    for path in ("/", f"/models/{MODEL}"):
        answer = browser.get(path)
        assert answer.code == 200
        assert "<dt>Cost</dt><dd>not known yet" in answer.text
    may_end.set()
    assert "not known: the store has no run of it" in _settled(lambda: browser.get("/").text)


def test_a_record_that_is_gone_is_told_and_the_rest_is_shown(world: World) -> None:
    bundle = world.site.bundles["b"]
    world.site.own.store.delete(bundle_key(bundle))
    browser = world.browser("ben")
    text = _settled(lambda: browser.get("/").text)
    assert re.search(rf"not known: \S+ has no bundle {bundle[:12]}", text)
    assert "version 2" in text


def test_a_model_that_nobody_released_is_shown_and_its_name_is_escaped(world: World) -> None:
    name = '<script>alert("birds")</script>'
    decision = Decision(action=Action.COMMENT, model=name, actor="ben", nonce="n", reason="a word")
    world.site.own.ledger.append(decision, world.site.signer("ben"))
    browser = world.browser("ben")
    text = browser.get("/").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert 'href="/models/%3Cscript%3Ealert%28%22birds%22%29%3C/script%3E"' in text
    assert text.index(f">{MODEL}<") < text.index("&lt;script&gt;"), "what is on its way comes first"


def test_a_page_shows_what_was_decided_just_before_it(world: World) -> None:
    browser = world.browser("cleo")
    assert ">rolling out<" in browser.get("/").text
    form = {"release": "2", "reason": "wrong", "request": "p" * 32}
    assert browser.post(f"/models/{MODEL}/pause", form, origin=world.url).code == 303
    assert ">paused<" in browser.get("/").text


def test_the_ledger_is_folded_again_only_after_a_new_entry_or_a_change_of_people(world: World) -> None:
    folds, desk = Folds(), world.site.desk("ben")
    first = folds.of(desk)
    assert folds.of(world.site.desk("ben")) is first
    world.site.decide(Action.COMMENT, world.site.about("b"), "ben")
    second = folds.of(desk)
    assert second is not first
    assert folds.of(desk) is second
    people = world.site.people()
    world.site.write_people(replace(people, persons=people.persons[:-1]))
    assert folds.of(world.site.desk("ben")) is not second


def test_pages_do_not_queue_up_behind_a_ledger_that_is_away(world: World) -> None:
    folds, desk = Folds(patience=0.01), world.site.desk("ben")
    waits, may_end = threading.Event(), threading.Event()

    class Away(Desk):
        @property
        def people(self) -> People:
            waits.set()
            assert may_end.wait(PATIENT)
            return desk.people

    first = threading.Thread(target=folds.of, args=(Away(desk.loaded, desk.store),))
    first.start()
    assert waits.wait(PATIENT)
    with pytest.raises(Refusal, match="has not answered"):
        folds.of(desk)
    may_end.set()
    first.join()
    assert MODEL in folds.of(desk)


# Answers that take long.


def test_nobody_waits_longer_than_a_moment_and_one_asks_at_a_time() -> None:
    remembered, may_end, asked = Remembered(lambda: NOW), threading.Event(), []

    def ask() -> int:
        asked.append(1)
        assert may_end.wait(PATIENT)
        return len(asked)

    assert remembered.get("q", ask, fresh=FRESH, patience=0).waits
    assert remembered.get("q", ask, fresh=FRESH, patience=0).waits
    may_end.set()
    known = remembered.get("q", ask, fresh=FRESH, patience=PATIENT)
    assert (known.value, known.at, asked) == (1, NOW, [1])


def test_an_answer_is_asked_again_when_it_is_old_and_outlives_what_goes_wrong() -> None:
    now = [NOW]
    remembered = Remembered(lambda: now[0])

    def fail() -> int:
        raise SlipwayError("The store is away.")

    def get(ask: Callable[[], int]) -> tuple[int | None, datetime | None, str]:
        known = remembered.get("q", ask, fresh=FRESH, patience=PATIENT)
        return known.value, known.at, known.trouble

    assert get(lambda: 1) == (1, NOW, "")
    assert get(lambda: 2) == (1, NOW, "")
    now[0] += FRESH
    assert get(fail) == (1, NOW, "The store is away.")
    now[0] += FRESH / 2
    assert get(lambda: 3) == (3, now[0], ""), "what went wrong is tried again sooner"


def test_an_answer_that_is_new_enough_is_not_waited_for() -> None:
    now, may_end = [NOW], threading.Event()
    remembered = Remembered(lambda: now[0])

    def slow() -> int:
        assert may_end.wait(PATIENT)
        return 2

    def get(ask: Callable[[], int], patience: float = PATIENT) -> int | None:
        return remembered.get("q", ask, fresh=FRESH, patience=patience, enough=2 * FRESH).value

    assert get(lambda: 1) == 1
    now[0] += FRESH
    assert get(slow) == 1
    now[0] += 2 * FRESH
    assert get(slow, patience=0) == 1
    may_end.set()
    assert get(slow) == 2


def test_an_answer_that_nobody_wants_any_more_is_forgotten() -> None:
    now = [NOW]
    remembered = Remembered(lambda: now[0])
    for question in ("one", "other"):
        assert remembered.get(question, question.title, fresh=10 * IDLE, patience=PATIENT).value
    now[0] += IDLE
    assert remembered.get("one", lambda: "again", fresh=10 * IDLE, patience=PATIENT).value == "One"
    now[0] += timedelta(minutes=1)
    assert remembered.get("one", lambda: "again", fresh=10 * IDLE, patience=PATIENT).value == "One"
    assert remembered.get("other", lambda: "again", fresh=10 * IDLE, patience=PATIENT).value == "again"


def test_what_breaks_by_a_mistake_is_told_too() -> None:
    def broken() -> int:
        raise ZeroDivisionError

    known = Remembered(lambda: NOW).get("q", broken, fresh=FRESH, patience=PATIENT)
    assert (known.value, known.waits) == (None, False)
    assert "log" in known.trouble


# What the store's records say.


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return DirectoryStore(tmp_path / "store")


def _snapshot(store: Store, images: int) -> str:
    record = make_record(Manifest(counts={"images": images}, files={}), {NAME: "0" * 32}, "here")
    save_record(store, record)
    return record.digest


def _bundle(store: Store, folder: Path, snapshot: str | None) -> str:
    lineage = {"run_key": "r1-00", "snapshot": snapshot} if snapshot else {"origin": "a partner"}
    made = small_onnx.bundle(folder, model=MODEL, lineage=lineage)
    keep_bundle(store, folder)
    return made.digest


def test_data_is_as_old_as_its_snapshot_and_newer_ones_are_counted(store: Store, tmp_path: Path) -> None:
    snapshot = _snapshot(store, 51_200)
    bundle = _bundle(store, tmp_path / "a", snapshot)
    day_ago = time.time() - 86_400
    os.utime(tmp_path / "store" / key_of(snapshot), (day_ago, day_ago))
    found = data_of(store, bundle, NOW)
    assert (found.images, found.newer, found.newest_at) == (51_200, 0, None)
    assert found.recorded_at
    assert timedelta(hours=23) < NOW - found.recorded_at < timedelta(hours=25)
    _snapshot(store, 60_000)
    found = data_of(store, bundle, NOW)
    assert found.newer == 1
    assert found.newest_at
    assert found.recorded_at
    assert found.newest_at - found.recorded_at > timedelta(hours=23)


def test_data_that_nobody_knows_is_none(store: Store, tmp_path: Path) -> None:
    assert data_of(store, _bundle(store, tmp_path / "a", None), NOW).snapshot == ""
    lost = data_of(store, _bundle(store, tmp_path / "b", "a" * 64), NOW)
    assert (lost.snapshot, lost.recorded_at) == ("a" * 64, None)


def _ran(store: Store, name: str, created: datetime, cost: str, currency: str = "EUR", kind: str = "train") -> None:
    entry = Entry(
        key=f"r1-{name}", name=name, model=MODEL, kind=kind, person="ada", state=State.DONE, attempt=1,
        created=created, ended=created + timedelta(hours=1), cost=Decimal(cost), currency=currency,
    )  # fmt: skip
    store.put(RUNS + entry.place, entry.to_bytes())
    store.put(f"{BY}model/{segment(MODEL)}/{entry.place}", b"")


def test_costs_are_those_of_this_month_and_of_the_newest_training(store: Store) -> None:
    assert costs_of(store, MODEL, NOW).told == "no run this month"
    _ran(store, "old", NOW - timedelta(days=40), "100")
    found = costs_of(store, MODEL, NOW)
    assert (found.told, found.last_told) == ("no run this month", "100.00 EUR")
    _ran(store, "one", NOW - timedelta(days=3), "2.50")
    _ran(store, "two", NOW - timedelta(days=2), "1.25", "USD")
    _ran(store, "gate", NOW - timedelta(days=1), "0.5", kind="gate")
    found = costs_of(store, MODEL, NOW)
    assert found.told == "3.00 EUR and 1.25 USD for 3 runs this month"
    assert found.last
    assert (found.last.name, found.last_told) == ("two", "1.25 USD")
    _ran(store, "free", NOW - timedelta(hours=1), "0", "")
    assert costs_of(store, MODEL, NOW).last_told == "on a target without a price"


# Progress.


def _device(number: int, release: int | None = 1, **other: Any) -> Follower:
    told = {"heard_at": times.stamp(NOW), "shadow": None, "coming": None, "bad": (), "cohorts": frozenset()} | other
    return Follower(id=f"d{number}", device_class="x86", site=None, release=release, **told)


def test_every_device_of_a_wave_counts_once(world: World) -> None:
    rollout = replace(world.site.rollout, wave=Wave(share=100.0))
    assert rollout.target
    old = times.stamp(NOW - timedelta(hours=1))
    devices = [
        _device(1, 2), _device(2, 2, heard_at=old), _device(3, bad=(2,)), _device(4, heard_at=old),
        _device(5, coming=2), _device(6), _device(7, None),
    ]  # fmt: skip
    found = progress(rollout, rollout.target, devices, NOW, 15)
    assert (found.meant, found.there, found.share) == (7, 2, 29)
    assert [(kind.kind, kind.count) for kind in found.others] == [("bad", 1), ("bad", 1), ("coming", 1), ("waits", 2)]
    assert round(sum(wide for _, _, wide, _ in found.parts)) == 100
    beside = replace(rollout, wave=Wave(kind="shadow", share=100.0))
    found = progress(beside, rollout.target, [_device(1, shadow=2), _device(2)], NOW, 15)
    assert (found.there, found.shadow) == (1, True)
    assert progress(rollout, rollout.target, (), NOW, 15).share == 0
    nearly = [_device(number, 2) for number in range(999)]
    assert progress(rollout, rollout.target, [*nearly, _device(999)], NOW, 15).share == 99, "100 % are all of them"


def test_whom_a_pin_keeps_is_none_of_the_wave(world: World) -> None:
    until = datetime.now(UTC) + timedelta(days=2)
    for holder, release in ((("site", "mill"), 1), (("device", "d1"), 2)):
        world.site.move(pinning(holder, release, until), "edda", reason="a fair")
    rollout = replace(world.site.rollout, wave=Wave(share=100.0))
    assert rollout.target
    devices = [_device(1, 2)._replace(site="mill"), _device(2)._replace(site="mill"), _device(3)]
    found = progress(rollout, rollout.target, devices, datetime.now(UTC), 15)
    assert (found.meant, found.there, [one.id for one in found.pinned.first]) == (2, 1, ["d2"])
    assert found.shown[-1] is found.pinned
    late = progress(rollout, rollout.target, devices, until + timedelta(hours=1), 15)
    assert (late.meant, late.pinned.count) == (3, 0)


def test_members_are_those_that_devices_count_themselves_to() -> None:
    members, wave = Members(), Wave(share=30.0, cohort="early", seed="s")
    devices = [_device(number, cohorts=frozenset({"early"} if number % 2 else ())) for number in range(400)]
    expected = [one.id for one in devices if wave.includes(one.id, one.cohorts)]
    assert 30 < len(expected) < 100
    for _ in range(2):
        assert [one.id for one in members.of(wave, devices)] == expected
    everybody = [one._replace(cohorts=frozenset({"early"})) for one in devices]
    assert len(members.of(wave, everybody)) > len(expected)


def _settled(look: Callable[[], str]) -> str:
    """The page, once nothing in it is still to come."""

    def looks() -> Iterator[str]:
        for _ in range(200):
            yield look()

    return next(text for text in looks() if "not known yet" not in text)
