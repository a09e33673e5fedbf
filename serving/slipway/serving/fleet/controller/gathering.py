"""From the fleet store to the evidence about a wave.

The store is asked hour by hour, so that thousands of devices need little memory at a time. Hours that are over are kept
for a while, as late reports change them seldom; what is kept could be asked again at any time.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from slipway.serving.channel.pointer import Pin, Wave
from slipway.serving.edge.telemetry.telling import WINDOW_S
from slipway.serving.fleet.controller.evidence import Evidence, Rows, Seen, Shadowed
from slipway.serving.fleet.facts import DeviceFacts, Fleet, Work
from slipway.serving.release.rollouts import Released

HOUR = timedelta(hours=1)
BEFORE = timedelta(days=2)
"""So much of what devices did before the release is what they are used to."""
SETTLED = timedelta(hours=2)
"""So long after an hour most of its reports are there."""
KEPT = timedelta(hours=1)
NIGHT_BEGINS, NIGHT_ENDS = 20, 6
"""By the clock of the device's site."""
SHADOW, SAME, DIFFERS = "shadow.", "same", "differs"

Zones = Callable[[], Mapping[str, str]]
"""The time zone of each site that has one, asked once for each look; UTC where it has none."""
Figures = tuple[float, float, float, float]


@dataclass(frozen=True)
class Asked:
    """What the evidence is about."""

    target: Released
    wave: Wave
    """With its seed."""
    began: datetime
    """When it did."""
    silent_minutes: float
    pins: Sequence[Pin] = ()
    """Those that hold; whom one keeps with another release is none of the wave."""

    def member(self, one: DeviceFacts) -> bool:
        """Whether it should run the release."""
        own = [pin for pin in self.pins if pin.device == one.id]
        pinned = own or [pin for pin in self.pins if pin.site is not None and pin.site == one.site]
        kept = bool(pinned) and pinned[0].release.number != self.target.number
        return not kept and self.wave.includes(one.id, one.cohorts)


@dataclass(frozen=True)
class _Done:
    """What one device did with one release in an hour."""

    device: str
    release: int
    figures: Figures
    """Decisions, failures, logarithm of milliseconds, divergence."""
    seconds: float
    shadow: dict[str, Shadowed]


@dataclass(frozen=True)
class _Hour:
    slot: int
    after: bool
    done: Sequence[_Done]


@dataclass
class Gatherer:
    """Asks the store."""

    fleet: Fleet
    zones: Zones = dict
    _kept: dict[tuple[str, datetime, datetime], tuple[datetime, list[_Done]]] = field(default_factory=dict)

    def gather(self, asked: Asked, now: datetime) -> Evidence:
        """All that is known of a wave now."""
        target, model = asked.target, asked.target.model
        facts = [one for one in self.fleet.devices() if model in one.models]
        hours = list(self._hours(asked, now))
        self._forget(model, hours, now)
        places = {one.id: place for place, one in enumerate(facts)}
        shadows: list[dict[str, Shadowed]] = [{} for _ in facts]
        zones = self.zones()
        nights = {site: _night(zones.get(site, "UTC")) for site in {one.site or "" for one in facts}}
        columns: list[tuple[float, ...]] = []
        for hour in hours:
            dark = {site: is_night(hour.slot) for site, is_night in nights.items()}
            for done in hour.done:
                if (place := places.get(done.device)) is None:
                    continue  # revoked since
                treated = done.release == target.number
                night = dark[facts[place].site or ""]
                columns.append((place, hour.slot, night, hour.after, treated, *done.figures, done.seconds))
                if treated and hour.after:
                    _add(shadows[place], done.shadow)
        seen = [_seen(one, asked, shadow, now) for one, shadow in zip(facts, shadows, strict=True)]
        return Evidence(seen, _rows(columns), asked.began, shadow=asked.wave.kind == "shadow")

    def _hours(self, asked: Asked, now: datetime) -> Iterator[_Hour]:
        """Before the release, and since the wave began."""
        released = asked.target.written.entry.at
        for after, since, until in ((False, released - BEFORE, released), (True, asked.began, now)):
            for begin, end in pieces(since, until):
                yield _Hour(slot_of(begin), after, self._read(asked.target.model, begin, end, now))

    def _read(self, model: str, begin: datetime, end: datetime, now: datetime) -> Sequence[_Done]:
        kept = self._kept.get((model, begin, end))
        if kept is not None and kept[0] >= end + SETTLED and now - kept[0] < KEPT:
            return kept[1]
        done = [_done(one, end) for one in self.fleet.work(model, since=begin, until=end)]
        self._kept[model, begin, end] = now, done
        return done

    def _forget(self, model: str, hours: Sequence[_Hour], now: datetime) -> None:
        """Of hours that nobody asks for any more."""
        first = min((hour.slot for hour in hours), default=slot_of(now))
        gone = [key for key in self._kept if key[0] == model and (slot_of(key[1]) < first or now - key[2] < SETTLED)]
        for key in gone:
            del self._kept[key]


def _night(name: str) -> Callable[[int], bool]:
    """Whether it is night in a zone; a name that is none counts as UTC."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")

    def is_night(slot: int) -> bool:
        hour = datetime.fromtimestamp(slot * 3600, UTC).astimezone(zone).hour
        return hour >= NIGHT_BEGINS or hour < NIGHT_ENDS

    return is_night


def slot_of(at: datetime) -> int:
    """Hours since 1970."""
    return int(at.timestamp()) // 3600


def pieces(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The span, cut at full hours."""
    begin = since
    while begin < until:
        end = min(datetime.fromtimestamp((slot_of(begin) + 1) * 3600, UTC), until)
        yield begin, end
        begin = end


def _done(work: Work, until: datetime) -> _Done:
    shadow = _shadowed(work)
    whole = shadow.get("", Shadowed())
    failed = work.counts.get("failed", 0)
    decisions = work.counts.get("answered", 0) + failed + whole.same + whole.differs
    took = work.running if work.running.total > 0 else work.latency
    duration = math.log(took.total / took.count) if took.total > 0 and took.count else math.nan
    apart = max(work.divergence.values(), default=math.nan)
    reported = min(work.end + timedelta(seconds=WINDOW_S), until)  # `end` is where the last window begins
    seconds = max((reported - work.begin).total_seconds(), 0.0)
    return _Done(work.device, work.release, (decisions, failed, duration, apart), seconds, shadow)


def _shadowed(work: Work) -> dict[str, Shadowed]:
    """By slice, from names such as `shadow.same` and `shadow.night.differs`."""
    found: dict[str, Shadowed] = {}
    for name, count in work.counts.items():
        where, _, what = name.removeprefix(SHADOW).rpartition(".")
        if name.startswith(SHADOW) and what in (SAME, DIFFERS):
            _add(found, {where: Shadowed(count, 0) if what == SAME else Shadowed(0, count)})
    return found


def _add(into: dict[str, Shadowed], more: dict[str, Shadowed]) -> None:
    for name, one in more.items():
        there = into.get(name, Shadowed())
        into[name] = Shadowed(there.same + one.same, there.differs + one.differs)


def _seen(one: DeviceFacts, asked: Asked, shadow: dict[str, Shadowed], now: datetime) -> Seen:
    running = one.running.get(asked.target.model)
    member = asked.member(one)
    return Seen(
        id=one.id,
        device_class=one.device_class,
        site=one.site or "",
        in_wave=member,
        silent=one.silent(now, asked.silent_minutes),
        reverted=member and running is not None and asked.target.number in running.bad,
        shadow=shadow,
    )


def _rows(columns: list[tuple[float, ...]]) -> Rows:
    table = np.array(columns, dtype=np.float64).reshape(-1, 10).T
    device, slot, night, after, treated, decisions, failed, duration, divergence, seconds = table
    return Rows(
        device=device.astype(np.int64),
        slot=slot.astype(np.int64),
        night=night.astype(np.bool_),
        after=after.astype(np.bool_),
        treated=treated.astype(np.bool_),
        decisions=decisions,
        failed=failed,
        duration=duration,
        divergence=divergence,
        seconds=seconds,
    )
