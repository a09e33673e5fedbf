"""How far a wave is: of the devices that are meant for it, how many have the release, and what keeps the others.

Which devices are meant follows from their names and the wave's seed, as on the devices themselves. That is drawn once
for each device and wave; what devices do is counted anew for each page.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from slipway.serving.channel.pointer import Wave
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.following import Follower, silent_before
from slipway.serving.release.rollouts import Pinned, Released, Rollout

NAMED: Final = 12
"""So many devices of a kind are named."""
MOST_WAVES: Final = 64


@dataclass(frozen=True)
class Place:
    """A device that has not the release, as it is named."""

    id: str
    heard_at: datetime | None


@dataclass
class Kind:
    """Devices of a wave that are alike."""

    name: str
    """In words."""
    kind: str
    """`bad` where somebody should look, `coming` or `waits`."""
    count: int = 0
    first: list[Place] = field(default_factory=list)

    def add(self, one: Follower) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(Place(one.id, times.moment_or_none(one.heard_at)))


@dataclass(frozen=True)
class Progress:
    """Of one wave."""

    meant: int
    """Devices of the wave."""
    there: int
    """Those that have the release, in a shadow wave beside what answers."""
    others: tuple[Kind, ...]
    """What the rest does."""
    pinned: Kind
    """Devices that a pin keeps with another release: they are none of the wave's."""
    shadow: bool

    @property
    def shown(self) -> tuple[Kind, ...]:
        """Those that devices are named of."""
        return (*self.others, self.pinned) if self.pinned.count else self.others

    @property
    def parts(self) -> list[tuple[str, float, float, str]]:
        """Of a bar: kind, beginning and width in per cent, in words."""
        told = [("there", self.there, "have it"), *((one.kind, one.count, one.name) for one in self.others)]
        found, begin = [], 0.0
        for kind, count, words in told if self.meant else ():
            wide = 100 * count / self.meant
            found.append((kind, round(begin, 2), round(wide, 2), f"{count:,} {words}"))
            begin += wide
        return found

    @property
    def share(self) -> int:
        """Per cent; all of them only where nobody is missing."""
        return min(round(100 * self.there / self.meant), 100 if self.there == self.meant else 99) if self.meant else 0


class Members:
    """Which devices are meant for a wave, drawn once."""

    def __init__(self) -> None:
        self._drawn: dict[Wave, dict[str, bool]] = {}

    def of(self, wave: Wave, followers: Iterable[Follower]) -> list[Follower]:
        """Those of a wave."""
        drawn, seen = self._drawn.setdefault(wave, {}), 0
        found = []
        for one in followers:
            seen += 1
            key = f"{one.id} {sorted(one.cohorts)}" if one.cohorts else one.id
            included = drawn.get(key)
            if included is None:
                included = drawn[key] = wave.includes(one.id, one.cohorts)
            if included:
                found.append(one)
        if len(drawn) > 2 * seen:  # most of them are gone
            self._drawn.pop(wave, None)
        while len(self._drawn) > MOST_WAVES:
            self._drawn.pop(next(iter(self._drawn)), None)
        return found


def progress(
    rollout: Rollout, target: Released, members: Iterable[Follower], now: datetime, silent_minutes: float
) -> Progress:
    """Of the wave that is on its way."""
    since = silent_before(times.stamp(now), silent_minutes)
    shadow, number, kept = rollout.wave.kind == "shadow", target.number, _keeps(rollout.pins_at(now), target)
    meant = there = 0
    back, silent = Kind("went back from it by themselves", "bad"), Kind("silent, and without it", "bad")
    coming, waits = Kind("on their way to it", "coming"), Kind("have not begun", "waits")
    pinned = Kind("are kept with another release by a pin", "waits")
    for one in members:
        if kept(one):
            pinned.add(one)
            continue
        meant += 1
        if number in (one.release, one.shadow) if shadow else one.release == number:
            there += 1
        elif number in one.bad:
            back.add(one)
        elif one.silent(since):
            silent.add(one)
        else:
            (coming if one.coming == number else waits).add(one)
    return Progress(meant, there, tuple(kind for kind in (back, silent, coming, waits) if kind.count), pinned, shadow)


def _keeps(pins: Sequence[Pinned], target: Released) -> Callable[[Follower], bool]:
    """Whether a pin keeps a device with another release; its own comes before its site's."""
    keeps = {one.holder: one.release != target.number for one in pins}
    return lambda one: bool(keeps) and keeps.get(("device", one.id), keeps.get(("site", one.site or ""), False))
