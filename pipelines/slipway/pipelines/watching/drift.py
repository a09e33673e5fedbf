"""Whether what a release sees and answers in the field has moved: a pure function over counts by day and device.

Each measure (colours and contrast of images; mean, greatest value and length of each output) is counted between the
quantiles of the bundle's `reference.json`. From these counts come shares at or below some of the quantiles, and the
share outside of the middle. Such a share has drifted

1. when it has moved, for certain, by more than half of the floor from what the same devices saw in the first days of
   the release, and
2. when it lies further from the reference than the floor, and moved away from it.

Cameras and sites differ from each other and from the validation rows by more than most drifts: against the reference
alone every small fleet would have drifted from the first day on. And what moved towards the reference, or within what
it knows, is no reason to learn. Where there are no first days to compare with, the reference alone counts, with a floor
that no camera reaches by its place alone.

All comparisons together find drift by chance at most as often as the rules allow, in a field that moved exactly to the
floors (Bonferroni within a measure, Holm over the measures). The module `deviating` says what is random here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from slipway.pipelines.watching.deviating import apart, beyond
from slipway.serving.edge.telemetry.distributions import Expected

Floats: TypeAlias = npt.NDArray[np.float64]
Day = Mapping[str, Mapping[str, Sequence[int]]]
"""Of one day: by device and measure, the counts."""

LEVELS: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares at or below the reference's quantiles at these are looked at, upwards and downwards."""
OUTER: Final = 0.05
"""And the share below this quantile or above its counterpart."""
OWN: Final = 0.5
"""So many floors it must have moved from the release's first days."""
ALONE: Final = 2.5
"""So many floors it must be where there are no first days."""
LEAST_ROWS: Final = 30
"""A device's day with fewer rows says nothing."""
FEWEST: Final = 3
"""Days, and devices from which on one alone is no drift."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What counts."""

    floor: float = 0.2
    false_alarms: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What became of one measure, at the place where it moved most surely."""

    measure: str
    what: str
    """In words: `at or below what 25% of the reference reach`."""
    share: float
    expected: float
    """By the reference."""
    before: float | None
    """In the release's first days; None where nobody knows."""
    chance: float
    """By luck alone, after all comparisons of this measure."""
    sure: bool
    devices: tuple[str, ...] = ()
    """On which it moved."""
    of: int = 0
    """Devices that were looked at."""

    @property
    def by(self) -> float:
        """How far it lies from the reference."""
        return self.share - self.expected

    @property
    def one_camera(self) -> bool:
        """Whether it is a matter of a single device."""
        return self.of >= FEWEST and len(self.devices) <= 1


@dataclass(frozen=True, kw_only=True)
class Judged:
    """All measures, those that moved most surely first."""

    moved: tuple[Moved, ...]
    days: int
    before: int
    """Of the first days, as many as there were."""

    @property
    def drift(self) -> tuple[Moved, ...]:
        """What moved for certain, on more than one device of several."""
        return tuple(one for one in self.moved if one.sure and not one.one_camera)

    @property
    def cameras(self) -> tuple[Moved, ...]:
        """What moved for certain on a single device."""
        return tuple(one for one in self.moved if one.sure and one.one_camera)


def judge(
    expected: Mapping[str, Expected], rows: int, recent: Sequence[Day], first: Sequence[Day], rules: Rules
) -> Judged:
    """`rows` are those of the reference; days on which nothing was seen may be among the others."""
    found = [
        one for name, its in expected.items() if (one := _of_measure(name, its, rows, recent, first, rules)) is not None
    ]
    found.sort(key=lambda one: (one.chance, -abs(one.by)))
    held = _holm([one.chance for one in found], rules.false_alarms)
    sure = [replace(one, sure=yes) for one, yes in zip(found, held, strict=True)]
    return Judged(moved=tuple(sure), days=sum(map(bool, recent)), before=sum(map(bool, first)))


@dataclass(frozen=True)
class _Contrast:
    """A share that is looked at: which parts it is of, and in which direction it may move."""

    what: str
    parts: Floats
    sign: float


def contrasts(expected: Expected) -> list[_Contrast]:
    """Those of one measure."""
    reached = np.cumsum(expected.shares)[:-1]
    places = sorted({int(np.abs(reached - level).argmin()) for level in LEVELS})
    found = []
    for place in places:
        at_or_below = (np.arange(len(expected.shares)) <= place).astype(np.float64)
        what = f"at or below what {reached[place]:.0%} of the reference reach"
        found += [_Contrast(what, at_or_below, 1.0), _Contrast(what, at_or_below, -1.0)]
    outside = ((np.append(reached, 1.0) <= OUTER) | (np.append(0.0, reached) >= 1 - OUTER)).astype(np.float64)
    if 0 < outside.sum() < len(outside):
        inside = 1 - float(outside @ expected.shares)
        found.append(_Contrast(f"outside of where {inside:.0%} of the reference lie", outside, 1.0))
    return found


def _of_measure(
    name: str, expected: Expected, rows: int, recent: Sequence[Day], first: Sequence[Day], rules: Rules
) -> Moved | None:
    now, before = (_shares(name, len(expected.shares), days) for days in (recent, first))
    if len(now) < FEWEST:
        return None
    both = {device for day in now for device in day} & {device for day in before for device in day}
    here, own = _only(now, both), _only(before, both)
    if min(len(here), len(own)) < FEWEST:
        here, own = [], []
    found = _Days(*(_middles(days) for days in (now, here, own)))
    looked = contrasts(expected)
    tried = [(_chance(one, expected, rows, found, rules), one) for one in looked]
    chance, best = min(tried, key=lambda pair: pair[0])
    reference = float(best.parts @ expected.shares)
    return Moved(
        measure=name,
        what=best.what,
        share=float((found.now @ best.parts).mean()),
        expected=reference,
        before=float((found.own @ best.parts).mean()) if own else None,
        chance=min(1.0, chance * len(looked)),
        sure=False,
        devices=_beyond(best, reference, now, own, rules),
        of=len({device for day in now for device in day}),
    )


@dataclass(frozen=True)
class _Days:
    """Shares of parts, a row for each day: the mean over its devices."""

    now: Floats
    here: Floats
    """Now, of those devices that the first days know; empty where they know none."""
    own: Floats
    """Of the same devices, in the first days."""


def _chance(one: _Contrast, expected: Expected, rows: int, days: _Days, rules: Rules) -> float:
    """Of so much by luck; what lies within the floor of the reference has moved nowhere that matters."""
    reference = float(one.parts @ expected.shares)
    away = one.sign * (days.now @ one.parts - reference)
    if not len(days.own):
        unsure = reference * (1 - reference) / max(rows, 1)  # so many rows know the reference
        return beyond(away.tolist(), ALONE * rules.floor, extra=unsure)
    if away.mean() < rules.floor:
        return 1.0
    moved, past = (one.sign * (some @ one.parts) for some in (days.here, days.own))
    return apart(moved.tolist(), past.tolist(), OWN * rules.floor)


def _only(days: Sequence[Mapping[str, Floats]], devices: set[str]) -> list[dict[str, Floats]]:
    """Of these devices, the days on which there is one."""
    found = [{device: shares for device, shares in day.items() if device in devices} for day in days]
    return [day for day in found if day]


def _middles(days: Sequence[Mapping[str, Floats]]) -> Floats:
    """Of each day the mean over all devices: every one counts the same, however much it does.

    One that told nothing on a day counts as on its other days: devices differ by more than most drifts, and only some
    of them tell of the first day of a release.
    """
    if not days:
        return np.array([])
    known = sorted({device for day in days for device in day})
    usual = {device: np.mean([day[device] for day in days if device in day], axis=0) for device in known}
    middle = np.mean(list(usual.values()), axis=0)
    return np.array([middle + np.mean([day[one] - usual[one] for one in day], axis=0) for day in days])


def _shares(name: str, parts: int, days: Sequence[Day]) -> list[dict[str, Floats]]:
    """Of each day with enough rows, each device's shares."""
    found = []
    for day in days:
        counted = {device: np.asarray(its[name], np.float64) for device, its in day.items() if name in its}
        fitting = {device: one for device, one in counted.items() if len(one) == parts and one.sum() >= LEAST_ROWS}
        if fitting:
            found.append({device: one / one.sum() for device, one in fitting.items()})
    return found


def _beyond(
    one: _Contrast,
    reference: float,
    now: Sequence[Mapping[str, Floats]],
    own: Sequence[Mapping[str, Floats]],
    rules: Rules,
) -> tuple[str, ...]:
    """The devices that lie beyond the floors by themselves, those furthest away first."""
    today, before = _by_device(one, now), _by_device(one, own)
    away = {device: one.sign * (share - reference) for device, share in today.items()}
    moved = {device: one.sign * (share - before[device]) for device, share in today.items() if device in before}
    found = [
        device for device, by in away.items() if by > rules.floor and moved.get(device, rules.floor) > OWN * rules.floor
    ]
    return tuple(sorted(found, key=lambda device: (-away[device], device)))


def _by_device(one: _Contrast, days: Sequence[Mapping[str, Floats]]) -> dict[str, float]:
    """Each device's mean over its days."""
    found: dict[str, list[float]] = {}
    for day in days:
        for device, shares in day.items():
            found.setdefault(device, []).append(float(one.parts @ shares))
    return {device: float(np.mean(shares)) for device, shares in found.items()}


def _holm(chances: Sequence[float], alpha: float) -> list[bool]:
    """Which of sorted chances count, all of them together."""
    held, still = [], True
    for place, chance in enumerate(chances):
        still = still and chance <= alpha / (len(chances) - place)
        held.append(still)
    return held
