"""The plan of a scenario: which site is recorded on which day in which light, and who comes.

Days are dates whose split, as `slipway.platform.data.splits` says, is the one that is wanted, and only vehicles of that
split come on them: whatever is in a picture belongs to the picture's split. Held-out cameras record on test days only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from slipway.platform.data.schema import SPLITS
from slipway.platform.data.splits import day_group, split_of
from slipway.training.world.chance import Chance
from slipway.training.world.fleet import Vehicle, build_fleet, rebodied
from slipway.training.world.light import HOURS, WEATHERS, Light, light_of
from slipway.training.world.places import all_sites
from slipway.training.world.scenarios import COMMON_TYPE, NEW_CAMERA, RARE_TYPE, Scenario
from slipway.training.world.sites import CameraPlace, Site

FIRST_DAY: Final = date(2026, 3, 2)
HELD_OUT_FLEET: Final = 170
"""So many are built for a held-out site; those whose split is test come."""
MORNING: Final = -2.0
"""Hours by which a morning is before noon's range."""


@dataclass(frozen=True)
class Session:
    """A recording: one site, one day, one light."""

    scenario: Scenario
    site: Site
    day: str
    split: str
    name: str
    number: int
    light: Light
    starts: float
    """Seconds since midnight."""
    vehicles: tuple[Vehicle, ...]

    @property
    def chance(self) -> Chance:
        """The source of everything that happens by chance in it."""
        return Chance(self.scenario.seed, self.site.name, self.day, self.name)

    @property
    def cameras(self) -> Iterator[CameraPlace]:
        """The cameras that record."""
        for place in self.site.cameras:
            name = f"{self.site.name}/{place.name}"
            if name in self.scenario.without or (place.held_out and self.split != "test"):
                continue
            if self.scenario.name.startswith("new-camera") and name == NEW_CAMERA and self.scenario.fault is None:
                continue
            yield place


@lru_cache(maxsize=8)
def plan(scenario: Scenario) -> tuple[Session, ...]:
    """All sessions of a scenario, in order."""
    return tuple(_sessions(scenario))


def _sessions(scenario: Scenario) -> Iterator[Session]:
    for place, (site_name, counts) in enumerate(scenario.days):
        site = all_sites()[site_name]
        pools = _pools(scenario, site)
        for split, wanted in zip(SPLITS, counts, strict=True):
            for turn, day in enumerate(_days(site_name, split, wanted)):
                order = Chance(scenario.seed, "visitors", site_name, day).shuffled(pools[split])
                for number, (name, light) in enumerate(scenario.sessions):
                    weather = WEATHERS[(turn + number + place * 2) % len(WEATHERS)]
                    shown = _shown(scenario, light, number)
                    source = Chance(scenario.seed, "light", site_name, day, name)
                    low, high = HOURS[shown]
                    hour = source.between(low, high) + (MORNING if name == "morning" and shown == "day" else 0.0)
                    first = number * scenario.visitors
                    visitors = tuple(
                        order[(first + step) % len(order)] for step in range(min(scenario.visitors, len(order)))
                    )
                    yield Session(
                        scenario,
                        site,
                        day,
                        split,
                        name,
                        number,
                        light_of(shown, weather, source),
                        float(int(hour * 3600)),
                        visitors,
                    )


def _shown(scenario: Scenario, light: str, number: int) -> str:
    """The light of a session; a night shift turns all but one to night."""
    return "night" if scenario.fault == "night-shift" and number > 0 else light


def _days(site: str, split: str, wanted: int) -> list[str]:
    days: list[str] = []
    day = FIRST_DAY
    while len(days) < wanted:
        if split_of(day_group(site, day.isoformat())) == split:
            days.append(day.isoformat())
        day += timedelta(days=1)
    return days


@lru_cache(maxsize=16)
def _fleet(scenario: Scenario, held_out: bool) -> tuple[Vehicle, ...]:  # noqa: FBT001 - part of the cache's key
    chance = Chance(scenario.seed, "fleet", "held out" if held_out else "main")
    prefix = f"w{scenario.seed}{'x' if held_out else ''}"
    kinds = dict(scenario.kinds) or None
    return build_fleet(chance, prefix, HELD_OUT_FLEET if held_out else scenario.vehicles, kinds)


def _pools(scenario: Scenario, site: Site) -> dict[str, list[Vehicle]]:
    fleet = _fleet(scenario, site.held_out)
    if scenario.fault == "rare-type":
        kept = next(one for one in fleet if one.body == RARE_TYPE)
        fleet = tuple(one if one is kept or one.body != RARE_TYPE else rebodied(one, COMMON_TYPE) for one in fleet)
    return {split: [one for one in fleet if one.split == split] for split in SPLITS}
