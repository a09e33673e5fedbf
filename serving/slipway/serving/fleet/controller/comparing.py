"""Holding what a wave did against the plan's limits: everything together, and each slice of it.

A slice is a device class, day or night, or a site. Harm is looked for in all of them, and the chance of a false alarm
is divided among them. That there is none is asked of everything together, and of each class and time of day which is
large enough to show it; what is smaller may only not speak against it. Sites are looked at for harm alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from slipway.serving.fleet.controller.differences import FEW, Effect, differences, effect
from slipway.serving.fleet.controller.evidence import Bools, Evidence, Floats, Ints, Rows, Seen
from slipway.serving.fleet.controller.judgement import Compared, Finding
from slipway.serving.fleet.controller.sequential import normal_bound, normal_e, share_e, t_of, z_of
from slipway.serving.release.plan import Limits

FALSE_ALARM: Final = 0.001
"""How likely at most a wave without harm is undone, over all looks and slices."""
MISS: Final = 0.001
"""How likely at most harm beyond the limit is called excluded, over all looks."""
ENOUGH: Final = 10
"""From so many devices on, a wave as a whole must exclude harm; of fewer nobody can ask that."""
LUCK: Final = 3.0
"""So many standard errors a slice without harm may seem worse than it is, and must still be able to exclude it."""
HARDLY_LUCK: Final = math.log(20)
"""An e-value that few devices of a class reach by chance, and with which a person should look."""
MOST_SITES: Final = 20
"""The largest ones are looked at each by itself."""
SMALLEST_EFFECT: Final = 1e-3
"""What bets are tuned to where a limit is 0."""
SHARPEST: Final = 0.02
"""No estimate is surer than to this share of the limit; of devices that are all the same, the spread tells nothing."""
MOST_LOGARITHM: Final = 9.0
"""No factor is told beyond that of it, either way."""
MOST_HOURS_APART: Final = 3.0
"""By how many limits one hour may differ before it counts as no more, where hours differ little."""


@dataclass(frozen=True)
class Slice:
    """A part of what was seen."""

    name: str
    time: str = ""
    """`night` or `day`; empty: always."""
    devices: Bools | None = None
    """None: all."""
    for_harm_only: bool = False


@dataclass(frozen=True)
class Measure:
    """What is compared, row by row; on its own scale."""

    name: str
    values: Floats
    weights: Floats
    limit: float
    counts: bool = False
    """Whether values are shares of counted decisions."""
    factor: bool = False
    """Whether values are logarithms."""


def slices(evidence: Evidence, classes: Ints) -> list[Slice]:
    """All that are looked at each by itself."""
    rows, devices = evidence.rows, evidence.devices
    treated = np.bincount(rows.device[rows.treated], minlength=len(devices)) > 0
    found = [Slice(""), *_by("class", [one.device_class for one in devices], classes, treated)]
    if len(np.unique(rows.night[rows.treated])) > 1:
        found += [Slice("night", time="night"), Slice("day", time="day")]
    names = [one.site for one in devices]
    sites = _by("site", names, places(names), treated)
    sites.sort(key=lambda one: -int(treated[one.devices].sum()))
    return found + [replace(one, for_harm_only=True) for one in sites[:MOST_SITES]]


def places(names: list[str]) -> Ints:
    """Each name as a number."""
    return np.unique(np.array(names, dtype=np.str_), return_inverse=True)[1].astype(np.int64)


def _by(word: str, names: list[str], of: Ints, treated: Bools) -> list[Slice]:
    """A slice for each value, where there is more than one."""
    named = dict(zip(of.tolist(), names, strict=True))
    if len(named) < 2:  # noqa: PLR2004 - one is everything
        return []
    return [Slice(f"{word} {named[at]}", devices=of == at) for at in np.unique(of[treated]).tolist() if named[at]]


def measures(evidence: Evidence, limits: Limits) -> Iterator[Measure]:
    """What the plan limits."""
    rows = evidence.rows
    if limits.errors is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = rows.failed / rows.decisions
        yield Measure("errors", share, rows.decisions, limits.errors, counts=True)
    if limits.latency is not None:
        yield Measure("duration", rows.duration, rows.seconds, math.log(limits.latency), factor=True)
    if limits.divergence is not None:
        yield Measure("divergence", rows.divergence, rows.decisions, limits.divergence)


def compared(evidence: Evidence, limits: Limits) -> tuple[Compared, ...]:
    """All comparisons of a wave."""
    wanted = list(_shadowed(evidence, limits) if evidence.shadow else _worked(evidence, limits))
    tried = list(_tried(evidence)) if limits.reverts is not None else []
    alpha = FALSE_ALARM / (len(wanted) + max(len(tried), 1))
    found = [_judged(part, one, measure, alpha) for measure, part, one in wanted if one is not None]
    return tuple(found) + tuple(_reverts(name, devices, limits.reverts or 0.0, alpha) for name, devices in tried)


def _worked(evidence: Evidence, limits: Limits) -> Iterator[tuple[Measure, Slice, Effect | None]]:
    """Each measure in each slice."""
    rows = evidence.rows
    if not rows.treated.any():
        return
    classes = places([one.device_class for one in evidence.devices])
    parts = slices(evidence, classes)
    times = {"": None, "night": rows.night, "day": ~rows.night}
    for measure in measures(evidence, limits):
        clip = MOST_HOURS_APART * measure.limit if measure.factor else None
        for time in dict.fromkeys(part.time for part in parts):
            within = times[time]
            weights = measure.weights if within is None else np.where(within, measure.weights, 0.0)
            found = differences(rows, measure.values, weights, classes, clip=clip)
            counted = Counted.of(rows, weights, len(classes)) if measure.counts else None
            for part in (one for one in parts if one.time == time):
                one = effect(found if part.devices is None else found.among(part.devices), classes)
                yield measure, part, counted.floored(one, part.devices) if one and counted else one


@dataclass(frozen=True)
class Counted:
    """Decisions and failures of each device, by which an estimate is never surer than counts can be."""

    many: Floats
    """With the release."""
    much: Floats
    """Of those that kept their own."""
    failed: Floats

    @classmethod
    def of(cls, rows: Rows, weights: Floats, devices: int) -> "Counted":
        """Those that weigh something."""
        here = weights > 0
        ours, rest = here & rows.treated, here & ~rows.treated & rows.after
        many, much = (
            np.bincount(rows.device[part], weights[part], devices).astype(np.float64) for part in (ours, rest)
        )
        both = ours | rest
        return cls(many, much, np.bincount(rows.device[both], rows.failed[both], devices).astype(np.float64))

    def floored(self, found: Effect, devices: Bools | None) -> Effect:
        """Where nothing ever failed, something still may."""
        many, much, failed = (
            float((one if devices is None else one[devices]).sum()) for one in (self.many, self.much, self.failed)
        )
        share = (failed + 1) / (many + much + 2)
        chance = share * (1 - share) * (1 / max(many, 1.0) + (1 / much if much else 0.0))
        return replace(found, error=max(found.error, chance**0.5))


def _judged(part: Slice, one: Effect, measure: Measure, alpha: float) -> Compared:
    limit = measure.limit
    one = replace(one, error=max(one.error, SHARPEST * max(limit, SMALLEST_EFFECT)))
    ratio = (max(limit, SMALLEST_EFFECT) / one.error) ** 2
    e = normal_e(z_of((one.estimate - limit) / one.error, one.freedom), ratio)
    wide = one.error * t_of(normal_bound(MISS, ratio), one.freedom)
    low, high = one.estimate - wide, one.estimate + wide
    told = math.expm1 if measure.factor else float
    most = MOST_LOGARITHM if measure.factor else 1.0  # shares and distances differ by no more
    return Compared(
        measure=measure.name,
        slice=part.name,
        finding=_finding(part, one, (limit, wide), harm=e >= -math.log(alpha)),
        estimate=told(_bounded(one.estimate, most)),
        low=told(_bounded(low, most)),
        high=told(_bounded(high, most)),
        limit=told(limit),
        e=e,
        devices=one.devices,
        rest=one.rest,
    )


def _finding(part: Slice, one: Effect, bounds: tuple[float, float], *, harm: bool) -> Finding:
    limit, wide = bounds
    if harm:
        return Finding.HARM
    if one.estimate + wide < limit:
        return Finding.CLEAR
    if part.for_harm_only:
        return Finding.THIN
    if wide + LUCK * one.error <= limit or (not part.name and one.devices >= ENOUGH):
        return Finding.OPEN
    return Finding.AGAINST if one.estimate - one.error > limit else Finding.THIN


def _bounded(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _shadowed(evidence: Evidence, limits: Limits) -> Iterator[tuple[Measure, Slice, Effect | None]]:
    """Disagreements of a shadow, by slice."""
    if limits.disagreement is None:
        return
    names = sorted({name for one in evidence.devices for name in one.shadow})
    none = np.zeros(0)
    for name in names:
        counted = [(at, one.shadow[name]) for at, one in enumerate(evidence.devices) if name in one.shadow]
        seen = np.array([(one.same + one.differs, one.differs) for _, one in counted], dtype=np.float64)
        measure = Measure("disagreement", none, none, limits.disagreement, counts=True)
        yield measure, Slice(name), _of_devices(seen[:, 0], seen[:, 1], fewest=FEW if name else 1)


def _of_devices(frames: Floats, differs: Floats, *, fewest: int) -> Effect | None:
    """The mean share over devices. Of one or two nothing is sure; where a wave has no more, what they say counts."""
    frames, differs = frames[frames > 0], differs[frames > 0]
    count = len(frames)
    if count < fewest:
        return None
    total = float(frames.sum())
    share = (float(differs.sum()) + 1) / (total + 2)
    values = differs / frames
    weight = frames / (frames + np.median(frames))
    mean = float((values * weight).sum() / weight.sum())
    apart = float((weight * (values - mean) ** 2).sum() / weight.sum()) * count / max(count - 1, 1)
    variance = apart * float((weight**2).sum() / weight.sum() ** 2)
    return Effect(mean, max(variance, share * (1 - share) / total) ** 0.5, max(count - 1.0, 1.0), count, 0)


def _tried(evidence: Evidence) -> Iterator[tuple[str, list[Seen]]]:
    """Devices of the wave that have run the release or went back from it: all, and each class."""
    ran = np.bincount(evidence.rows.device[evidence.rows.treated], minlength=len(evidence.devices)) > 0
    tried = [one for one, has in zip(evidence.devices, ran, strict=True) if one.reverted or (has and one.in_wave)]
    if tried:
        yield "", tried
    classes = sorted({one.device_class for one in tried})
    for name in classes if len(classes) > 1 else ():
        yield f"class {name}", [one for one in tried if one.device_class == name]


def _reverts(name: str, tried: list[Seen], limit: float, alpha: float) -> Compared:
    """Those that went back by themselves. Of a class, what is hardly luck speaks against it, and less holds no wave."""
    count, back = len(tried), sum(one.reverted for one in tried)
    share = back / count
    e = share_e(back, count, limit)
    harm, fewer = share > limit and e >= -math.log(alpha), share < limit and e >= -math.log(MISS)
    doubt = Finding.AGAINST if share > limit and (not name or e >= HARDLY_LUCK) else Finding.THIN
    low, high = _between(back, count)
    return Compared(
        measure="reverts",
        slice=name,
        finding=Finding.HARM if harm else Finding.CLEAR if fewer else doubt,
        estimate=share,
        low=low,
        high=high,
        limit=limit,
        e=e if share > limit else -e,
        devices=count,
        rest=0,
    )


def _between(back: int, count: int) -> tuple[float, float]:
    """All shares that are not excluded."""
    tried = np.linspace(0.0005, 0.9995, 1000)
    kept = [share for share in tried if share_e(back, count, float(share)) < -math.log(MISS)]
    return (float(kept[0]), float(kept[-1])) if kept else (0.0, 1.0)
