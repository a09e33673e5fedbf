"""What the fleet store says becomes evidence, also a real one's."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet_service.device import counts
from planted.leading import Leading, plan
from rolling_out import MODEL
from slipway.serving.bundle.canonical import sha256
from slipway.serving.channel.pointer import Named, Pin, Wave
from slipway.serving.edge.fleet.wire import Enrolling, Report
from slipway.serving.fleet.controller.evidence import Shadowed
from slipway.serving.fleet.controller.gathering import Asked, Gatherer, pieces
from slipway.serving.fleet.facts import Work
from slipway.serving.fleet.store.enrolling import By, Token
from slipway.serving.fleet.store.reporting import Heard
from slipway.serving.fleet.store.store import FleetStore

KEY = "ab" * 32


def test_a_span_is_cut_at_full_hours() -> None:
    since = datetime(2026, 3, 1, 10, 40, tzinfo=UTC)
    cut = list(pieces(since, since + timedelta(hours=2)))
    assert [(begin.minute, end.minute) for begin, end in cut] == [(40, 0), (0, 0), (0, 40)]
    assert list(pieces(since, since)) == []


@pytest.fixture
def asked(leading: Leading) -> Asked:
    leading.start(plan())
    rollout = leading.site.rollout
    assert rollout.target
    return Asked(rollout.target, rollout.wave, rollout.target.written.entry.at, 15)


def test_night_is_by_the_clock_of_the_site(leading: Leading, asked: Asked) -> None:
    zones = {"harbour": "Asia/Tokyo", "mill": "no such zone"}
    now = leading.site.time.forward(hours=2)
    evidence = Gatherer(leading.fleet, lambda: zones).gather(asked, now)
    rows = evidence.rows
    hours = [
        (site, rows.slot[rows.device == at] % 24, rows.night[rows.device == at])
        for at, site in ((0, "harbour"), (2, "mill"))
    ]
    for (_, slots, night), ahead in zip(hours, (9, 0), strict=True):
        expected = [(slot + ahead) % 24 >= 20 or (slot + ahead) % 24 < 6 for slot in slots]
        assert night.tolist() == expected


def test_hours_that_are_over_are_asked_once_and_the_last_ones_again(leading: Leading, asked: Asked) -> None:
    gatherer = leading.gatherer
    asks: list[datetime] = []
    own = leading.fleet.work

    def counted(model: str, *, since: datetime, until: datetime) -> Sequence[Work]:
        asks.append(since)
        return own(model, since=since, until=until)

    leading.fleet.work = counted  # type: ignore[method-assign]
    now = leading.site.time.forward(hours=5)
    first = gatherer.gather(asked, now)
    many, asks[:] = len(asks), []
    assert many > 50
    second = gatherer.gather(asked, now + timedelta(minutes=1))
    assert len(asks) < 8
    assert second.rows.count >= first.rows.count


def test_whom_a_pin_keeps_elsewhere_is_none_of_the_wave(leading: Leading, asked: Asked) -> None:
    everybody = replace(asked, wave=Wave())
    now = leading.site.time.now()
    old, new = (Named(number=number, bundle=leading.site.rollout.releases[number].bundle) for number in (1, 2))
    until = now + timedelta(days=1)
    pins = (
        Pin(site="harbour", release=old, until=until),
        Pin(device="d000", release=new, until=until),
        Pin(device="d002", release=old, until=until),
    )
    seen = {one.id: one for one in leading.gatherer.gather(replace(everybody, pins=pins), now).devices}
    assert all(one.in_wave == (one.site != "harbour") for one in seen.values() if one.id not in {"d000", "d002"})
    assert (seen["d000"].in_wave, seen["d002"].in_wave) == (True, False)


def test_a_real_store_says_the_same(leading: Leading, asked: Asked, tmp_path: Path) -> None:
    """Windows of five minutes, an hour and a half of them after the wave began, and a shadow's counts."""
    clock = leading.site.time.now
    begun = asked.began.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    leading.site.time.moment = begun - timedelta(hours=4)
    bundle = leading.site.bundles
    with FleetStore("sqlite:///fleet.db", tmp_path, now=clock) as store:
        token = f"sw1-{'0' * 64}-{'0' * 32}"
        made = Token(sha256(token.encode()), begun + timedelta(days=1), (MODEL,), site="mill")
        store.make_tokens(b"root", [made], By("ada", b"signed"))
        told = Enrolling(token=token, id="gate-1", device_class="edge-cpu", public_key=KEY, agent="0.1.0")
        store.enrol(told, 1, b"signed").result()
        now = leading.site.time.forward(hours=6)
        new, old = f"{MODEL}/2/{bundle['b']}", f"{MODEL}/1/{bundle['a']}"
        records = [
            counts(f"{1:016x}-{at}", new, begun + timedelta(minutes=5 * at), answered=90, failed=10)
            for at in range(18)
        ] + [
            counts(f"{2:016x}-1", old, begun - timedelta(hours=2), answered=7),
            counts(f"{2:016x}-2", new, begun, **{"shadow.same": 3, "shadow.night.differs": 2}),
        ]  # fmt: skip
        body = {"at": now.isoformat(), "time": now.isoformat(), "agent": "0.1.0", "records": records}
        report = Report.model_validate_json(json.dumps(body))
        assert store.take(Heard("gate-1", KEY, 2, report)).result() == 20
        evidence = Gatherer(store).gather(asked, now)
    rows = evidence.rows
    assert [one.id for one in evidence.devices] == ["gate-1"]
    assert not evidence.devices[0].silent
    assert rows.decisions[rows.treated].sum() == 18 * 100 + 3
    assert rows.failed[rows.treated].sum() == 18 * 10
    assert rows.seconds[rows.treated].tolist() == [3600, 1800]
    assert rows.decisions[~rows.treated].tolist() == [7]
    assert evidence.devices[0].shadow == {"": Shadowed(3, 0), "night": Shadowed(0, 2)}
