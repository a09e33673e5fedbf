"""A fleet in memory, as `facts.Fleet` has it: devices of several classes that begin with a release when they are told.

What a device did in an hour follows from its name, the hour and a seed, so it is the same whenever it is asked.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from slipway.serving.fleet.facts import DeviceFacts, Running, Work
from slipway.serving.release.rollouts import Rollout
from slipway.serving.runtime.quantiles import Quantiles

CLASSES = ("orin-nano", "x86")
SITES = ("harbour", "mill")
PER_HOUR = 400


@dataclass
class StandInFleet:
    """All follow the rollout from the moment at which they were last told of it."""

    model: str
    now: Callable[[], datetime]
    size: int = 80
    slower: float = 0.0
    """How much longer the release on its way takes, as a share."""
    failing: float = 0.0
    """Share of decisions that fail besides with it."""
    differing: float = 0.0
    """Share of frames on which it answers differently as a shadow."""
    silent: int = 0
    """So many devices of the wave say nothing since it began."""
    bad: int = 0
    """So many devices of the wave went back by themselves."""
    refusing: str = ""
    """A device class that does not come to run what is on its way, and does not go back from it."""
    took: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """Since when a device runs which release."""
    shadows: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    base: int = 1

    def __post_init__(self) -> None:
        begun = self.now() - timedelta(days=400)
        self.names = [f"d{place:03}" for place in range(self.size)]
        self.facts = {
            name: DeviceFacts(
                id=name, device_class=CLASSES[at % 2], site=SITES[at // 2 % 2], cohorts=frozenset(),
                models=(self.model,), enrolled_at=begun, heard_at=begun,
            )
            for at, name in enumerate(self.names)
        }  # fmt: skip

    def follow(self, rollout: Rollout) -> list[str]:
        """Devices look at the channel now; those of the wave."""
        wanted, now, members = rollout.target, self.now(), []
        for name in self.names:
            runs = self.took.get(name, (self.base, now))[0]
            if wanted is None:
                self.took[name] = (rollout.base_number or self.base, now)
            elif rollout.wave.includes(name, frozenset()):
                members.append(name)
                if rollout.paused is None and rollout.wave.kind == "shadow":
                    self.shadows.setdefault(name, (wanted.number, now))
                elif rollout.paused is None and runs != wanted.number and self._takes(name):
                    self.took[name] = (wanted.number, now)
        return members

    def devices(self) -> Sequence[DeviceFacts]:
        quiet, back = set(self._members()[: self.silent]), set(self._members()[: self.bad])
        found = []
        for name in self.names:
            number, since = self.took.get(name, (self.base, self.now()))
            bad = (number,) if name in back else ()
            running = Running(self.model, "settled", number, "", None, "", since, bad=bad)
            heard = self.facts[name].heard_at if name in quiet else self.now()
            found.append(replace(self.facts[name], heard_at=heard, running={self.model: running}))
        return found

    def work(self, model: str, *, since: datetime, until: datetime) -> Sequence[Work]:
        assert (model, until - since <= timedelta(hours=1)) == (self.model, True), "asked hour by hour"
        quiet = set(self._members()[: self.silent])
        found = []
        for name in self.names:
            number = self._release(name, since)
            if number == self.base or name not in quiet:
                found.append(self._did(name, number, since, until))
            if (shadow := self.shadows.get(name)) and shadow[1] <= since:
                found.append(self._shadowed(name, shadow[0], since, until))
        return found

    def _takes(self, name: str) -> bool:
        return self.facts[name].device_class != self.refusing

    def _members(self) -> list[str]:
        return [name for name, (number, _) in self.took.items() if number != self.base]

    def _release(self, name: str, at: datetime) -> int:
        number, since = self.took.get(name, (self.base, at))
        return number if since <= at else self.base

    def _did(self, name: str, number: int, since: datetime, until: datetime) -> Work:
        draw = np.random.default_rng(zlib.crc32(f"{name}{since:%Y%m%d%H%M}".encode()))
        treated = number != self.base
        decisions = int(draw.poisson(PER_HOUR * (until - since).total_seconds() / 3600))
        failed = int(draw.binomial(decisions, 0.005 + self.failing * treated))
        running = Quantiles()
        level = 8 + zlib.crc32(name.encode()) % 7
        took = level * (1 + self.slower * treated) * draw.normal(1, 0.01)
        running.add(took, decisions)
        counts = {"answered": decisions - failed, "failed": failed}
        return Work(name, self.model, number, since, until, counts, running=running, divergence={"score": 0.1})

    def _shadowed(self, name: str, number: int, since: datetime, until: datetime) -> Work:
        draw = np.random.default_rng(zlib.crc32(f"{name}{since:%Y%m%d%H%M}s".encode()))
        frames = int(20 * (until - since).total_seconds() / 3600)
        differs = int(draw.binomial(frames, self.differing))
        counts = {"shadow.same": frames - differs, "shadow.differs": differs}
        return Work(name, self.model, number, since, until, counts)
