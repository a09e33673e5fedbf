"""What devices did with each release in the last hours, added up by class and by site.

An hour of ten thousand devices takes a quarter of a second to add up, so hours that are over are kept, and looked at
again as long as reports of them may still come.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

from slipway.serving.fleet.controller.gathering import DIFFERS, SAME, SETTLED, SHADOW, pieces
from slipway.serving.fleet.store.following import Follower
from slipway.serving.fleet.store.outcomes import wilson
from slipway.serving.fleet.store.packing import Sum

SPAN: Final = timedelta(hours=6)
MOST_SLICES: Final = 8
"""Of sites."""


class Group(NamedTuple):
    """Devices that are alike."""

    device_class: str
    site: str


Groups = dict[str, Group]
"""By device."""
Hour = Sequence[tuple[Group, int, Mapping[str, Any]]]
"""What groups did with each release, packed: there may be thousands of sites."""
Slices = dict[tuple[str, int], Sum]
"""By name and release."""


class Working(Protocol):
    """Who adds up."""

    def followers(self, model: str, choose: Callable[[Iterator[Follower]], Groups]) -> Groups:
        """What is chosen of the devices that follow a model."""

    def together(
        self, model: str, groups: Mapping[str, Group], *, since: datetime, until: datetime
    ) -> Mapping[tuple[Group, int], Sum]:
        """What groups of devices did with each release."""


@dataclass(frozen=True)
class Row:
    """What devices of a slice did with a release."""

    slice: str
    release: int
    decisions: int
    failed: int
    p50: float | None
    """Milliseconds from admission to answer; None where nothing was measured."""
    p99: float | None
    apart: float | None
    """Of the measure that is furthest from the reference."""

    @property
    def errors(self) -> float:
        """Share of decisions that failed."""
        return self.failed / self.decisions if self.decisions else 0.0


@dataclass(frozen=True)
class Measure:
    """How far what a release saw or answered is from its bundle's reference."""

    name: str
    apart: float
    """0 the same, 1 nothing in common."""
    classes: Mapping[str, float]


@dataclass(frozen=True)
class Disagreement:
    """Of a shadow with what answered."""

    slice: str
    frames: int
    differs: int

    @property
    def share(self) -> float:
        """Of the frames."""
        return self.differs / self.frames

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, at 95 per cent."""
        return wilson(self.differs, self.frames)


@dataclass(frozen=True)
class Did:
    """All of it; measures, disagreements and distributions by release."""

    by_class: Sequence[Row] = ()
    """Latency, errors and drift by class and release."""
    by_site: Sequence[Row] = ()
    """The same of the sites where most of it fails, then of those that are furthest from the reference."""
    measures: Mapping[int, Sequence[Measure]] = field(default_factory=dict)
    """The furthest first."""
    disagreements: Mapping[int, Sequence[Disagreement]] = field(default_factory=dict)
    """All of it first."""
    seen: Mapping[int, Mapping[str, Sequence[int]]] = field(default_factory=dict)
    """By measure, how many values lay in each part of the reference."""


@dataclass
class Doing:
    """Of one service; asked by one thread at a time for each model."""

    store: Working
    _kept: dict[tuple[str, datetime], tuple[datetime, Hour]] = field(default_factory=dict)

    def last(self, model: str, now: datetime) -> Did:
        """The last hours, and what there is of this one."""
        groups = self.store.followers(model, _grouped)
        begin = (now - SPAN).replace(minute=0, second=0, microsecond=0)
        hours = [self._hour(model, groups, since, until, now) for since, until in pieces(begin, now)]
        for key in [key for key in list(self._kept) if key[1] < begin]:
            self._kept.pop(key, None)
        return _did(hours)

    def _hour(self, model: str, groups: Groups, since: datetime, until: datetime, now: datetime) -> Hour:
        kept = self._kept.get((model, since))
        if kept is not None and kept[0] >= until + SETTLED:
            return kept[1]
        done = self.store.together(model, groups, since=since, until=until)
        hour = [(group, release, one.columns()) for (group, release), one in done.items()]
        self._kept[model, since] = now, hour
        return hour


def _grouped(followers: Iterator[Follower]) -> Groups:
    """Devices that are alike share their group."""
    made: dict[Group, Group] = {}
    found: Groups = {}
    for one in followers:
        group = Group(one.device_class, one.site or "")
        found[one.id] = made.setdefault(group, group)
    return found


def _did(hours: Sequence[Hour]) -> Did:
    classes: Slices = {}
    sites: Slices = {}
    for group, release, done in chain.from_iterable(hours):
        _add(classes, group.device_class, release, done)
        _add(sites, group.site or "no site", release, done)
    by_site = sorted(_rows(sites), key=lambda row: (-row.errors, -(row.apart or 0), row.slice, -row.release))
    releases = sorted({release for _, release in classes}, reverse=True)
    parts = {number: {kind: done for (kind, one), done in classes.items() if one == number} for number in releases}
    whole = {number: _whole(done.values()) for number, done in parts.items()}
    return Did(
        by_class=_rows(classes),
        by_site=by_site[:MOST_SLICES],
        measures={number: _measures(whole[number], parts[number]) for number in releases},
        disagreements={number: _disagreements(done) for number, done in whole.items()},
        seen={number: done.seen for number, done in whole.items()},
    )


def _add(into: Slices, name: str, release: int, done: Mapping[str, Any]) -> None:
    mine = into.setdefault((name, release), Sum())
    mine.add_row(done["counts"], done["latency"], done["running"], done["divergence"])
    if done["seen"]:
        mine.add_seen(json.loads(done["seen"]))


def _whole(parts: Iterable[Sum]) -> Sum:
    found = Sum()
    for one in parts:
        found.add(one)
    return found


def _rows(slices: Slices) -> list[Row]:
    """By name, the newest release first."""
    return [_row(*key, slices[key]) for key in sorted(slices, key=lambda key: (key[0], -key[1]))]


def _row(name: str, release: int, done: Sum) -> Row:
    failed = done.counts.get("failed", 0)
    measured = done.latency.count > 0
    return Row(
        slice=name,
        release=release,
        decisions=done.counts.get("answered", 0) + failed,
        failed=failed,
        p50=done.latency.quantile(0.5) if measured else None,
        p99=done.latency.quantile(0.99) if measured else None,
        apart=max(done.apart().values(), default=None),
    )


def _measures(whole: Sum, classes: Mapping[str, Sum]) -> list[Measure]:
    parts = {name: done.apart() for name, done in sorted(classes.items())}
    found = [
        Measure(name, apart, {kind: told[name] for kind, told in parts.items() if name in told})
        for name, apart in whole.apart().items()
    ]
    return sorted(found, key=lambda one: (-one.apart, one.name))


def _disagreements(done: Sum) -> list[Disagreement]:
    found: dict[str, list[int]] = {}
    for name, count in done.counts.items():
        where, _, what = name.removeprefix(SHADOW).rpartition(".")
        if name.startswith(SHADOW) and what in (SAME, DIFFERS):
            mine = found.setdefault(where, [0, 0])
            mine[0] += count
            mine[1] += count * (what == DIFFERS)
    return [Disagreement(where or "all", *counts) for where, counts in sorted(found.items()) if counts[0]]
