"""Rollouts of releases with planted effects, on devices that differ: judged by the real judge, look by look.

Devices differ by class, site, load and habit; hours of a day differ; each device drifts by itself from the day before
to the day of the rollout. All of that is drawn anew for every rollout. A look comes every hour of the wave, and each
sees all that was reported until then.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from slipway.serving.fleet.controller.evidence import Bools, Evidence, Floats, Rows, Seen
from slipway.serving.fleet.controller.judgement import Judgement, What
from slipway.serving.fleet.controller.judging import judge
from slipway.serving.release.plan import Limits, Plan, PlannedWave, Sample

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)
DEVICES = 320
SHARE = 25.0
BEFORE = 48
"""Hours."""
CLASSES = ("orin-nano", "orin-nx", "x86")
SITES = ("airport", "centre", "harbour", "mill", "station")
WAVE = PlannedWave(
    name="canary",
    share=SHARE,
    soak=timedelta(days=1),
    sample=Sample(decisions=400_000, devices=60),
    deadline=timedelta(days=3),
)
PLAN = Plan(waves=(WAVE, PlannedWave(name="all")), limits=Limits(divergence=None))

Effect = Callable[["Field"], "Planted"]


@dataclass(frozen=True)
class Planted:
    """What a release does to a device's hour."""

    slower: float = 0.0
    """Of durations, as a share."""
    failing: Floats | float = 0.0
    """Share of decisions that fail besides."""


@dataclass(frozen=True)
class Field:
    """Devices by hours, as matrices."""

    kind: np.ndarray
    """Class of each device."""
    night: Bools
    """By hour."""


def fine(_: Field) -> Planted:
    """Nothing at all."""
    return Planted()


def slower(_: Field) -> Planted:
    """Every run takes 5 % longer."""
    return Planted(slower=0.05)


def failing_class(field: Field) -> Planted:
    """On one class 3 % of decisions fail in place of 0.5 %."""
    return Planted(failing=np.where(field.kind == 0, 0.025, 0.0)[:, None])


def failing_at_night(field: Field) -> Planted:
    """At night 3 % of decisions fail in place of 0.5 %."""
    return Planted(failing=np.where(field.night, 0.025, 0.0)[None, :])


EFFECTS: dict[str, Effect] = {
    "fine": fine,
    "5 % slower": slower,
    "failing on one class": failing_class,
    "failing at night": failing_at_night,
}


@dataclass(frozen=True)
class Ended:
    """How a rollout's first wave did."""

    judgement: Judgement
    hours: int

    @property
    def exposure_hours(self) -> float:
        return self.judgement.numbers.exposure_hours


def rollout(seed: int, planted: Effect, *, plan: Plan = PLAN) -> Ended:
    """One rollout to the end of its first wave."""
    wave = plan.waves[0]
    evidence, hours = drawn(seed, planted, hours=int(wave.deadline.total_seconds()) // 3600), 0
    for hours in range(1, int(wave.deadline.total_seconds()) // 3600 + 1):
        known = until(evidence, hours)
        found = judge(plan, wave, known, BEGAN + timedelta(hours=hours))
        if found.what is not What.HOLD:
            return Ended(found, hours)
    raise AssertionError("The deadline leaves nothing open")


def until(evidence: Evidence, hours: int) -> Evidence:
    """What was known so long after the wave began."""
    rows = evidence.rows
    kept = rows.slot < _slot(BEGAN) + hours
    columns = {name: getattr(rows, name)[kept] for name in rows.__dataclass_fields__}
    return replace(evidence, rows=Rows(**columns))


def drawn(seed: int, planted: Effect, *, hours: int, devices: int = DEVICES, share: float = SHARE) -> Evidence:
    """All that will be seen."""
    draw = np.random.default_rng(seed)
    kind, site = draw.integers(len(CLASSES), size=devices), draw.integers(len(SITES), size=devices)
    offsets = np.arange(-BEFORE, hours)
    slots = _slot(BEGAN) + offsets
    night = np.isin(slots % 24, (20, 21, 22, 23, 0, 1, 2, 3, 4, 5))
    members = np.zeros(devices, dtype=bool)
    members[draw.permutation(devices)[: round(devices * share / 100)]] = True
    delay = draw.exponential(0.6, size=devices)
    begins = np.where(members, np.minimum(np.floor(delay), 3), np.inf)
    treated = offsets[None, :] >= begins[:, None]
    done = planted(Field(kind, night))
    decisions, failed = _answered(draw, kind, slots, treated, done)
    duration = _took(draw, kind, site, slots, offsets, treated, done)
    at, hour = np.nonzero(decisions > 0)
    rows = Rows(
        device=at.astype(np.int64),
        slot=slots[hour].astype(np.int64),
        night=night[hour],
        after=offsets[hour] >= 0,
        treated=treated[at, hour],
        decisions=decisions[at, hour].astype(float),
        failed=failed[at, hour].astype(float),
        duration=duration[at, hour],
        divergence=np.full(len(at), np.nan),
        seconds=np.full(len(at), 3600.0),
    )
    seen = [
        Seen(f"d{place:03}", CLASSES[kind[place]], SITES[site[place]], in_wave=bool(members[place]))
        for place in range(devices)
    ]
    return Evidence(seen, rows, BEGAN)


def _answered(
    draw: np.random.Generator, kind: np.ndarray, slots: np.ndarray, treated: Bools, done: Planted
) -> tuple[np.ndarray, np.ndarray]:
    """Decisions and failures: loads differ, and some devices fail more than others, in spells."""
    devices = len(kind)
    load = draw.lognormal(6.0, 0.5, size=devices)[:, None] * (1 + 0.6 * np.cos((slots % 24 - 14) / 24 * 2 * np.pi))
    decisions = draw.poisson(load)
    usual = np.clip(draw.lognormal(np.log(0.0044), 0.5, size=devices), 0, 0.05)[:, None]
    spells = draw.lognormal(-0.045, 0.3, size=decisions.shape)
    share = np.clip(usual * spells + np.where(treated, done.failing, 0.0), 0, 1)
    return decisions, draw.binomial(decisions, share)


def _took(
    draw: np.random.Generator,
    kind: np.ndarray,
    site: np.ndarray,
    slots: np.ndarray,
    offsets: np.ndarray,
    treated: Bools,
    done: Planted,
) -> Floats:
    """Logarithm of milliseconds: class, device, hour, weather of the site, drift of each device, noise, stalls."""
    devices, hours = len(kind), len(slots)
    level = np.log(np.array([22.0, 12.0, 8.0]))[kind] + draw.normal(0, 0.15, size=devices)
    daily = 0.03 * np.sin(slots % 24 / 24 * 2 * np.pi)
    weather = np.cumsum(draw.normal(0, 0.002, size=(len(SITES), hours)), axis=1)[site]
    drift = draw.normal(0, 0.01, size=devices)[:, None] * (offsets >= 0)
    noise = draw.normal(0, 0.02, size=(devices, hours))
    stalls = np.where(draw.random((devices, hours)) < 0.002, draw.exponential(0.5, size=(devices, hours)), 0.0)
    found: Floats = level[:, None] + daily + weather + drift + noise + stalls
    return found + np.where(treated, np.log1p(done.slower), 0.0)


def _slot(at: datetime) -> int:
    return int(at.timestamp()) // 3600


def tally(name: str, seeds: Iterator[int] | range) -> tuple[Counter[str], list[Ended]]:
    """How these rollouts ended."""
    ended = [rollout(seed, EFFECTS[name]) for seed in seeds]
    return Counter(one.judgement.what.value for one in ended), ended


def between(happened: int, of: int) -> tuple[float, float]:
    """The shares that fit, to 95 % (Wilson)."""
    z, share = 1.96, happened / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * (share * (1 - share) / of + z * z / (4 * of * of)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)
