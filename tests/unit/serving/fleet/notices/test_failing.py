"""Classes on which a release fails, and classes that do not come to it: over a real rollout and a real store."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from filled_fleet import fill
from fleet_service.device import counts
from rolling_out import MODEL, Site
from slipway.serving.edge.fleet.wire import Report
from slipway.serving.fleet.facts import DeviceFacts, Running, Work
from slipway.serving.fleet.notices.failing import LATE, of_classes
from slipway.serving.fleet.notices.notice import Notice
from slipway.serving.fleet.store.reporting import Heard
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.release.moving import freezing, pausing, pinning

KEY = "0" * 64


@pytest.fixture
def later(site: Site) -> datetime:
    """Long enough after release 2 was told to everybody."""
    return site.time.now() + LATE + timedelta(hours=1)


def device(name: str, release: int | None, now: datetime, **parts: Any) -> DeviceFacts:
    running = Running(MODEL, parts.pop("phase", "settled"), release, "", None, "", now, **parts.pop("running", {}))
    told = {"site": "harbour", "enrolled_at": now - timedelta(days=9), "heard_at": now, **parts}
    return DeviceFacts(name, "edge-cpu", cohorts=frozenset(), models=(MODEL,), running={MODEL: running}, **told)


def found(site: Site, now: datetime, *devices: DeviceFacts, work: tuple[Work, ...] = ()) -> list[Notice]:
    return list(of_classes(site.rollout, devices, work, 15, now))


def test_a_class_that_stays_behind_is_told_with_what_a_device_says(site: Site, later: datetime) -> None:
    why = "Release 2 is wanted. It needs an agent from 9.0.0, and this is 0.1.0."
    stays = [device(f"gate-{number}", 1, later, running={"why": why}) for number in range(3)]
    runs = [device(f"lane-{number}", 2, later) for number in range(5)]
    [notice] = found(site, later, *stays, *runs)
    assert notice.cause == f"class-behind/{MODEL}/2/edge-cpu"
    assert notice.text.startswith(
        "3 of 8 devices of the class edge-cpu should have run it for a day and do not: gate-0"
    )
    assert notice.text.endswith(f"gate-0 says: {why}")
    assert notice.command == "slipway fleet show gate-0"
    assert found(site, later, *stays[:1], *runs) == []  # one device is no matter of the class


@pytest.mark.parametrize(
    "parts",
    [
        {"running": {"coming": 2}, "phase": "ready"},
        {"heard_at": None},
        {"enrolled_at": "now"},
    ],
)
def test_who_is_on_the_way_silent_or_new_is_not_behind(site: Site, later: datetime, parts: dict[str, Any]) -> None:
    given = {name: later if one == "now" else one for name, one in parts.items()}
    assert found(site, later, *(device(f"gate-{number}", 1, later, **dict(given)) for number in range(3))) == []


def test_who_should_not_run_it_now_is_not_behind(site: Site, later: datetime) -> None:
    devices = [device(f"gate-{number}", 1, later) for number in range(3)]
    assert found(site, site.time.now() + LATE / 2, *devices) == []
    assert len(found(site, later, *devices)) == 1
    site.move(pinning(("site", "harbour"), 1, later + LATE), "edda", reason="their audit")
    assert found(site, later, *devices) == []
    elsewhere = [device(f"lane-{number}", 1, later, site="mill") for number in range(3)]
    assert len(found(site, later, *elsewhere)) == 1
    site.move(freezing(later + LATE), "edda", reason="the fair")
    assert found(site, later, *elsewhere) == []


def test_nobody_is_behind_a_rollout_that_is_paused(site: Site, later: datetime) -> None:
    site.move(pausing(), reason="visitors")
    assert found(site, later, *(device(f"gate-{number}", 1, later) for number in range(3))) == []


def test_a_class_whose_decisions_fail_is_told_though_no_device_went_back(site: Site, later: datetime) -> None:
    devices = [device(f"gate-{number}", 2, later) for number in range(4)]

    def work(name: str, release: int, answered: int, failed: int) -> Work:
        return Work(name, MODEL, release, later, later, {"answered": answered, "failed": failed})

    bad = work("gate-0", 2, 90, 10), work("gate-1", 2, 0, 20)
    [notice] = found(site, later, *devices, work=bad)
    assert notice.cause == f"class-failing/{MODEL}/2/edge-cpu"
    assert "2 of 4 devices of the class edge-cpu that tried it: 10% of their decisions or more fail" in notice.text
    for fine in (work("gate-1", 2, 91, 9), work("gate-1", 2, 0, 19), work("gate-1", 1, 0, 20)):
        assert found(site, later, *devices, work=(bad[0], fine)) == []
    back = device("gate-9", 1, later, running={"bad": (2,)})
    [both] = found(site, later, *devices, back, work=bad[:1])
    assert "1 went back by themselves (gate-9), and 10% of their decisions or more fail on 1 (gate-0)" in both.text


def test_what_devices_report_about_failures_leads_to_a_notice_and_to_the_way_back(site: Site, run: Any) -> None:
    fill(site, heard={f"gate-{number}": timedelta() for number in (1, 2, 3)})
    now = datetime.now(UTC)
    bundle = site.rollout.releases[2].bundle
    with FleetStore.of(site.loaded()) as store:
        for place, (name, failed) in enumerate({"gate-1": 60, "gate-2": 50, "gate-3": 0}.items()):
            record = counts(f"{place:016x}-1", f"{MODEL}/2/{bundle}", now, answered=100 - failed, failed=failed)
            stands = {"model": MODEL, "phase": "settled", "release": 2, "bundle": bundle}
            body = {"at": now.isoformat(), "time": now.isoformat(), "agent": "0.1.0", "standings": [stands]}
            told = Report.model_validate_json(json.dumps({**body, "records": [record]}))
            assert store.take(Heard(name, KEY, 2, told)).result() == 1
    listed = json.loads(run("notices", "list", "--json")[1])["notices"]
    assert [one["cause"] for one in listed] == [f"class-failing/{MODEL}/2/edge-cpu"]
    assert "fail on 2 (gate-1, gate-2)" in listed[0]["text"]
    told = json.loads(run("incident", MODEL, "--json")[1])
    assert told["next"]["command"].startswith(f"slipway rollback {MODEL} --release 2")
