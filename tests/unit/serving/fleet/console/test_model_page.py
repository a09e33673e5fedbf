"""One model in full: the controller's own judgement, what devices did, versions, the channel, what holds it back."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

import small_onnx
from console_world import World
from planted.leading import plan
from rolling_out import MODEL
from slipway.platform.registry.bundles import keep_bundle
from slipway.platform.store.directory import DirectoryStore
from slipway.serving.fleet.console.doing import Doing, Group, Groups
from slipway.serving.fleet.console.judged import MOST, Drawn, judged
from slipway.serving.fleet.console.shapes import references_of, shape_of
from slipway.serving.fleet.controller.gathering import Gatherer
from slipway.serving.fleet.controller.judgement import Compared, Finding, Judgement, Numbers, What
from slipway.serving.fleet.controller.leading import Led, look, stage_of
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.following import Follower
from slipway.serving.fleet.store.looks import Looked
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import DEVICES, HOURS, OUTCOMES, SUBJECTS
from slipway.serving.release.moving import freezing, pinning
from slipway.serving.release.rollouts import Rollout

SCRIPT = "<script>alert(1)</script>"
NOW = datetime(2026, 3, 20, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
NONE = Compared("errors", "", Finding.CLEAR, 0.001, -0.001, 0.003, 0.01, -4.0, 40, 300)


def _planned(world: World) -> Rollout:
    """Release 3 goes by a plan; release 2 was undone."""
    world.site.undo(reason=f"wrong at night {SCRIPT}")
    world.site.promote("c")
    world.site.start(plan=plan(approvals=1), wave=plan().waves[0].wave, said=True)
    return world.site.rollout


def _settled(look: Callable[[], str]) -> str:
    """The page, once nothing in it is still to come."""

    def looks() -> Iterator[str]:
        for _ in range(200):
            yield look()

    return next(text for text in looks() if "in a moment" not in text and "not known yet" not in text)


def test_the_page_tells_versions_channel_and_what_was_decided_and_escapes_all_of_it(world: World) -> None:
    _planned(world)
    browser = world.browser("ben")
    text = _settled(lambda: browser.get(f"/models/{MODEL}").text)
    assert "<script>alert" not in text
    assert "wrong at night &lt;script&gt;" in text
    assert re.search(r"<b>champion</b>.*?passed</span> \d{4}.*?against version 1.*?ben, \d{4}", text, re.DOTALL)
    assert "quarantined</span> by cleo" in text
    for role in ("root", "targets", "models", "channels", "snapshot", "timestamp"):
        assert re.search(
            rf"<td>{role}</td><td class=\"n\">\d+</td><td>[a-z, ]+</td><td class=\"nowrap\">\d{{4}}-", text
        )
    assert "No device and no site is pinned, and nothing is frozen." in text
    assert "No device has told of any work" in text
    assert "The last step takes 1 approval; 0 are there." in text
    assert re.search(r'<svg class="way" role="img" aria-labelledby="way-title way-told"', text)
    assert "not begun" in text
    assert not re.search(r"\sstyle=|<script>|\son[a-z]+=", text)


def test_what_holds_a_model_back_is_told_with_who_and_until_when(world: World) -> None:
    until = datetime.now(UTC) + timedelta(days=2)
    world.site.move(pinning(("site", "harbour"), 1, until), "edda", reason=f"a fair {SCRIPT}")
    world.site.move(freezing(until), "edda", reason="holidays")
    text = world.browser("ben").get(f"/models/{MODEL}").text
    assert f"frozen until {until:%Y-%m-%d %H:%M} UTC" in text
    assert f"is frozen until {until:%Y-%m-%d %H:%M} UTC by edda: holidays" in text
    assert '<a href="/fleet?site=harbour">site harbour</a>' in text
    assert f"<td>{until:%Y-%m-%d %H:%M}</td><td>edda</td><td>a fair &lt;script&gt;" in text
    assert ">frozen</span>" in world.browser("ben").get("/").text


def test_only_who_may_is_offered_to_pause_and_to_undo(world: World) -> None:
    cleo, ben = (world.browser(one).get(f"/models/{MODEL}").text for one in ("cleo", "ben"))
    for what in ("pause", "undo"):
        assert f'href="/models/{MODEL}/{what}"' in cleo
        assert f'href="/models/{MODEL}/{what}"' not in ben


def test_another_release_is_drawn_when_it_is_asked_for(world: World) -> None:
    browser = world.browser("ben")
    assert "<h2>Rollout of release 2</h2>" in browser.get(f"/models/{MODEL}").text
    first = browser.get(f"/models/{MODEL}?release=1").text
    assert "<h2>Rollout of release 1</h2>" in first
    assert 'aria-current="true">release 1<' in first
    for path in (f"/models/{MODEL}?release=7", "/models/no-such-model", f"/models/{SCRIPT}"):
        answer = browser.get(path)
        assert answer.code == 404, answer.text
        assert "<script>alert" not in answer.text
    assert browser.get(f"/models/{MODEL}?release=x").code == 422


# The controller's judgement.


def test_the_judgement_is_the_controllers_own_with_its_numbers(world: World) -> None:
    rollout = _planned(world)
    assert rollout.target
    browser = world.browser("ben")
    before = browser.get(f"/models/{MODEL}").text
    assert "No controller has looked at this rollout yet." in before
    assert "slipway fleet control" in before
    led = look(world.site.desk("rollouts"), Gatherer(world.store), MODEL)
    assert led.judgement
    world.store.note_look(MODEL, led.as_data())
    text = browser.get(f"/models/{MODEL}").text
    assert '<span class="state hold">hold</span>' in text
    assert led.judgement.why in text
    assert "0 in the wave, 0 run it, 0 for the soak" in text


def test_without_a_plan_a_person_leads_it(world: World) -> None:
    text = world.browser("ben").get(f"/models/{MODEL}").text
    assert "Release 2 has no plan: a person leads it." in text
    assert f"slipway rollout advance {MODEL}" in text


def test_a_judgement_is_read_back_as_it_was_told() -> None:
    one = replace(NONE, slice="class x86", finding=Finding.HARM)
    told = Judgement(
        What.UNDO, "harm", Numbers(40, 30, 20, 1_000, 12.5, 1, 2, compared=(NONE, one), behind={"x86": [1, 9]})
    )
    found = Judgement.of_data(json.loads(json.dumps(told.as_data())))
    assert found == replace(told, numbers=replace(told.numbers, compared=[NONE, one]))


def _looked(rollout: Rollout, *compared: Compared, at: timedelta = timedelta()) -> tuple[Looked, datetime]:
    """A look at where the rollout stands, so long ago, and now."""
    stage = stage_of(rollout)
    assert not isinstance(stage, str)
    now = stage.began.entry.at + 10 * HOUR
    told = Led(MODEL, stage, Judgement(What.HOLD, "why", Numbers(1, 1, 1, 1, 1.0, 0, 0, compared=compared)))
    return Looked(now - at, json.loads(json.dumps(told.as_data()))), now


def test_a_look_that_is_late_or_of_another_wave_is_told_as_such(world: World) -> None:
    rollout = _planned(world)
    looked, now = _looked(rollout)
    found = judged(rollout, looked, now)
    assert (found.late, found.of_before, found.next) == (False, False, "all")
    assert judged(rollout, looked, now + HOUR).late
    assert judged(rollout, replace(looked, at=now - 11 * HOUR), now).of_before
    other = replace(looked, told={**looked.told, "wave": "another"})
    assert judged(rollout, other, now).of_before
    strange = replace(looked, told={**looked.told, "judgement": {"what": "dance"}})
    assert "another version" in judged(rollout, strange, now).waits


def test_single_sites_that_say_nothing_are_counted_and_what_speaks_against_it_comes_first(world: World) -> None:
    rollout = _planned(world)
    quiet = [replace(NONE, slice=f"site s{number}", finding=Finding.THIN) for number in range(60)]
    loud = [replace(NONE, slice=f"site l{number}", finding=Finding.OPEN) for number in range(40)]
    harm = replace(NONE, slice="night", finding=Finding.HARM)
    looked, now = _looked(rollout, *quiet, NONE, *loud, harm)
    found = judged(rollout, looked, now)
    assert next(one.compared for one in found.drawn) == harm
    assert len(found.drawn) == MOST
    assert found.folded == f"{40 - MOST + 1} open, 60 thin, 1 clear"


def test_an_interval_is_drawn_against_its_limit() -> None:
    found = Drawn.of(NONE)
    assert (found.zero, found.limit) == (40, 60)
    assert found.low < found.zero < found.estimate < found.high < found.limit
    wild = Drawn.of(replace(NONE, low=-9.0, high=9.0, limit=0.0))
    assert (wild.low, wild.high, wild.wide) == (0, 100, 100)


# What devices did.


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FleetStore]:
    with FleetStore("sqlite:///fleet.db", tmp_path, now=lambda: NOW) as store:
        yield store


def _device(name: str, device_class: str, site: str) -> dict[str, Any]:
    return {"id": name, "public_key": f"{name:0>64}", "device_class": device_class, "site": site, "cohorts": "[]",
            "models": json.dumps([MODEL]), "token": "", "enrolled_at": 0}  # fmt: skip


def _hour(subject: int, device: str, ago: int, milliseconds: float, apart: float, **counts: int) -> dict[str, Any]:
    """What a device did in an hour, so many hours ago."""
    done = Sum()
    done.add_counts({name.replace("_", "."): count for name, count in counts.items()})
    done.latency.add(milliseconds, counts.get("answered", 0))
    done.add_divergence({"outputs.scores.mean": [10, 10 * apart], "inputs.images.red": [10, 1.0]})
    at = times.stamp((NOW - ago * HOUR).replace(minute=0))
    return {"subject": subject, "at": at, "device": device, "first": at, "last": at + 3_000_000, **done.columns()}


def _did(store: FleetStore, *hours: dict[str, Any]) -> None:
    subjects = [{"number": one, "name": f"{MODEL}/{one}/x", "model": MODEL, "release": one} for one in (1, 2)]
    devices = [_device("a", "orin", "mill"), _device("b", "orin", "harbour"), _device("c", "x86", "mill")]

    def add(connection: Any) -> None:
        connection.execute(insert(DEVICES), devices)
        connection.execute(insert(SUBJECTS), subjects)
        connection.execute(insert(HOURS), hours)

    store.writer.do(add)


def test_work_is_added_up_by_class_and_site_and_release(store: FleetStore) -> None:
    _did(
        store,
        _hour(1, "a", 2, 10, 0.1, answered=90, failed=10),
        _hour(1, "b", 3, 10, 0.3, answered=100),
        _hour(2, "c", 2, 40, 0.2, answered=50, shadow_same=30, shadow_differs=10, shadow_dark_differs=10),
        _hour(2, "c", 30, 40, 0.2, answered=1_000_000),
    )
    found = Doing(store).last(MODEL, NOW)
    told = [(row.slice, row.release, row.decisions, row.failed) for row in found.by_class]
    assert told == [("orin", 1, 200, 10), ("x86", 2, 50, 0)]
    slow, quick = found.by_class[1].p50, found.by_class[0].p50
    assert slow
    assert quick
    assert 3.5 < slow / quick < 4.5
    assert [(row.slice, row.release) for row in found.by_site] == [("mill", 1), ("harbour", 1), ("mill", 2)]
    measures = found.measures[1]
    assert [one.name for one in measures] == ["outputs.scores.mean", "inputs.images.red"]
    assert measures[0].apart == pytest.approx(0.2)
    assert found.by_class[0].apart == pytest.approx(0.2)
    differing = found.disagreements[2]
    assert [(one.slice, one.frames, one.differs) for one in differing] == [("all", 40, 10), ("dark", 10, 10)]
    assert differing[0].interval[0] < differing[0].share == 0.25 < differing[0].interval[1]
    assert not found.disagreements[1]


class _Counting:
    """The store, and which hours it was asked for."""

    def __init__(self, store: FleetStore) -> None:
        self._store = store
        self.asked: list[datetime] = []

    def followers(self, model: str, choose: Callable[[Iterator[Follower]], Groups]) -> Groups:
        return self._store.followers(model, choose)

    def together(
        self, model: str, groups: Mapping[str, Group], *, since: datetime, until: datetime
    ) -> Mapping[tuple[Group, int], Sum]:
        self.asked.append(since)
        return self._store.together(model, groups, since=since, until=until)


def test_hours_that_are_over_are_added_up_once(store: FleetStore) -> None:
    _did(store, _hour(1, "a", 2, 10, 0.1, answered=10), _hour(1, "a", 5, 10, 0.1, answered=10))
    counting = _Counting(store)
    doing = Doing(counting)
    first = doing.last(MODEL, NOW)
    assert len(counting.asked) == 7
    counting.asked.clear()
    again = doing.last(MODEL, NOW + timedelta(minutes=1))
    assert [row.decisions for row in again.by_class] == [row.decisions for row in first.by_class] == [20]
    assert counting.asked == [NOW.replace(minute=0) - HOUR * back for back in (2, 1, 0)]
    assert [row.decisions for row in doing.last(MODEL, NOW + HOUR).by_class] == [20]
    assert doing.last(MODEL, NOW + 30 * HOUR).by_class == []


def test_a_shape_is_drawn_where_devices_counted_by_the_bundles_own_reference(tmp_path: Path) -> None:
    kept = DirectoryStore(tmp_path / "store")
    told = {"quantiles": [0.0, 0.5, 1.0], "outputs": {"scores": {"mean": [0.1, 0.2, 0.4]}}}
    bundle = small_onnx.bundle(tmp_path / "bundle", reference=told)
    keep_bundle(kept, tmp_path / "bundle")
    expected = references_of(kept, bundle.digest)["outputs.scores.mean"]
    found = shape_of(expected, [0, 1, 3, 0])
    assert found
    assert (found.parts, found.values) == (4, 4)
    assert found.seen == "M0 1V1H1V0.667H2V0H3V1H4V1"
    assert found.expected == "M0 1V1H1V0.333H2V0.333H3V1H4V1"
    assert shape_of(expected, [1, 2, 3]) is None
    assert shape_of(expected, [0, 0, 0, 0]) is None
    assert shape_of(None, [1]) is None


def test_the_page_shows_latency_drift_and_disagreements(world: World) -> None:
    now = datetime.now(UTC)
    at = times.stamp(now.replace(minute=0, second=0, microsecond=0) - HOUR)
    done = Sum()
    done.add_counts({"answered": 300, "failed": 9, "shadow.same": 30, "shadow.differs": 10})
    done.latency.add(20.0, 300)
    done.add_divergence({"outputs.scores.mean": [10, 2.5]})
    hour = {"subject": 1, "at": at, "device": "gate-00001", "first": at, "last": at + 1_000, **done.columns()}

    def add(connection: Any) -> None:
        connection.execute(insert(SUBJECTS), [{"number": 1, "name": "x", "model": MODEL, "release": 2}])
        connection.execute(insert(HOURS), [hour])

    world.devices(3, 2)
    world.store.writer.do(add)
    browser = world.browser("ben")
    text = _settled(lambda: browser.get(f"/models/{MODEL}").text)
    assert re.search(r"<td class=\"nowrap\">edge-cpu</td>.*?<td class=\"n bad\">2\.91%</td>.*?>309</td>", text)
    assert '<td>outputs.scores.mean</td><td class="n">0.250</td>' in text
    assert "Where release 2 disagrees as a shadow" in text
    assert ">25.00%</td>" in text


def test_where_a_release_was_right_most_seldom_comes_first(world: World) -> None:
    now = times.stamp(datetime.now(UTC))
    told = {
        "source": "people",
        "device": "gate-00001",
        "model": MODEL,
        "bundle": "b",
        "truth": "free",
        "at": now - 1_000,
        "told_at": now,
        "told_by": "ben",
    }
    rows = [
        {**told, "decision": f"d{site}-{number}", "site": f"s{site:02}", "release": 2, "right": int(number < site)}
        for site in range(30)
        for number in range(30)
    ]
    world.store.writer.do(lambda connection: connection.execute(insert(OUTCOMES), rows))
    text = world.browser("ben").get(f"/models/{MODEL}").text
    shown = re.findall(r"<td>(s\d\d)</td>", text)
    assert shown == [f"s{site:02}" for site in range(24)]
    assert "And 6 more" in text
