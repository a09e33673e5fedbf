"""What devices did with each release in the last hours, added up by class and by site.

An hour of ten thousand devices takes a quarter of a second to add up, so hours that are over are kept, and looked at
again as long as reports of them may still come.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

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
    release: int
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
    """All of it."""

    since: datetime
    until: datetime
    done: Mapping[tuple[Group, int], Sum]

    @property
    def by_class(self) -> list[Row]:
        """Latency, errors and drift by class and release."""
        return self._rows(lambda group: group.device_class)

    @property
    def by_site(self) -> list[Row]:
        """The same of the sites where most of it fails, then of those that are furthest from the reference."""
        rows = self._rows(lambda group: group.site or "no site")
        rows.sort(key=lambda row: (-row.errors, -(row.apart or 0), row.slice))
        return rows[:MOST_SLICES]

    def measures(self, release: int) -> list[Measure]:
        """The furthest first."""
        whole, classes = Sum(), dict[str, Sum]()
        for (group, number), done in self.done.items():
            if number == release:
                whole.add_divergence(done.divergence)
                classes.setdefault(group.device_class, Sum()).add_divergence(done.divergence)
        parts = {name: done.apart() for name, done in sorted(classes.items())}
        found = [
            Measure(name, release, apart, {kind: told[name] for kind, told in parts.items() if name in told})
            for name, apart in whole.apart().items()
        ]
        return sorted(found, key=lambda one: (-one.apart, one.name))

    def seen(self, release: int) -> dict[str, list[int]]:
        """By measure, how many values lay in each part of the reference."""
        whole = Sum()
        for (_, number), done in self.done.items():
            if number == release:
                whole.add_seen(done.seen)
        return whole.seen

    def disagreements(self, release: int) -> list[Disagreement]:
        """By slice, all of it first."""
        found: dict[str, list[int]] = {}
        for (_, number), done in self.done.items():
            for name, count in done.counts.items() if number == release else ():
                where, _, what = name.removeprefix(SHADOW).rpartition(".")
                if name.startswith(SHADOW) and what in (SAME, DIFFERS):
                    mine = found.setdefault(where, [0, 0])
                    mine[0] += count
                    mine[1] += count * (what == DIFFERS)
        return [Disagreement(where or "all", *counts) for where, counts in sorted(found.items()) if counts[0]]

    def _rows(self, slice_of: "SliceOf") -> list[Row]:
        sums: dict[tuple[str, int], Sum] = {}
        for (group, release), done in self.done.items():
            mine = sums.setdefault((slice_of(group), release), Sum())
            mine.add_counts(done.counts)
            mine.latency.merge(done.latency)
            mine.add_divergence(done.divergence)
        return [_row(name, release, done) for (name, release), done in sorted(sums.items(), key=_order)]


class SliceOf(Protocol):
    """What a group counts to."""

    def __call__(self, group: Group, /) -> str:
        """Its name."""


@dataclass
class Doing:
    """Of one service; asked by one thread at a time for each model."""

    store: Working
    _kept: dict[tuple[str, datetime], tuple[datetime, Mapping[tuple[Group, int], Sum]]] = field(default_factory=dict)

    def last(self, model: str, now: datetime) -> Did:
        """The last hours, and what there is of this one."""
        groups = self.store.followers(model, _grouped)
        begin = (now - SPAN).replace(minute=0, second=0, microsecond=0)
        hours = [self._hour(model, groups, since, until, now) for since, until in pieces(begin, now)]
        for key in [key for key in self._kept if key[0] == model and key[1] < begin]:
            del self._kept[key]
        return Did(begin, now, _added(hours))

    def _hour(
        self, model: str, groups: Mapping[str, Group], since: datetime, until: datetime, now: datetime
    ) -> Mapping[tuple[Group, int], Sum]:
        kept = self._kept.get((model, since))
        if kept is not None and kept[0] >= until + SETTLED:
            return kept[1]
        done = self.store.together(model, groups, since=since, until=until)
        self._kept[model, since] = now, done
        return done


def _grouped(followers: Iterator[Follower]) -> Groups:
    """Devices that are alike share their group."""
    made: dict[Group, Group] = {}
    found: Groups = {}
    for one in followers:
        group = Group(one.device_class, one.site or "")
        found[one.id] = made.setdefault(group, group)
    return found


def _added(hours: Iterable[Mapping[tuple[Group, int], Sum]]) -> dict[tuple[Group, int], Sum]:
    found: dict[tuple[Group, int], Sum] = {}
    for hour in hours:
        for key, done in hour.items():
            found.setdefault(key, Sum()).add(done)
    return found


def _order(item: tuple[tuple[str, int], Sum]) -> tuple[str, int]:
    (name, release), _ = item
    return name, -release


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
