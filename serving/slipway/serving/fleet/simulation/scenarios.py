"""What can go wrong in a simulated fleet, each under a name; all of it is mended before the end.

A scenario changes one device, or what everybody sees. Two controllers are two signers of the same decisions: that the
real ones write each entry once is held elsewhere. Without Airflow nothing is decided, and the keepalive goes on.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from slipway.serving.fleet.simulation.disk import SimulatedDisk
from slipway.serving.fleet.simulation.running import Simulated
from slipway.serving.fleet.simulation.runtime import Plan
from slipway.serving.fleet.simulation.story import STOLEN, TROUBLE, Story

YEARS = 20


@dataclass(frozen=True)
class Scenario:
    """Something that goes wrong."""

    about: str
    device: Callable[[Story, Simulated], None] | None = None
    """Of one device."""
    plan: Plan | None = None
    """Of a release that is tried out, and seen by all devices of its wave."""
    quiet: float = 0.0
    """So many days nothing is decided."""
    twice: bool = False


def _linked(**wrong: object) -> Callable[[Story, Simulated], None]:
    def does(story: Story, one: Simulated) -> None:
        story.at(TROUBLE, lambda: vars(one.link).update(wrong))

    return does


def _clock(story: Story, one: Simulated) -> None:
    off = timedelta(days=365 * YEARS * one.chance.choice([-1, 1]))
    story.at(TROUBLE, lambda: setattr(one.clock, "off", off))


def _full(story: Story, one: Simulated) -> None:
    def does() -> None:
        if isinstance(one.disk, SimulatedDisk):
            one.disk.full = True

    story.at(TROUBLE, does)


def _cut(story: Story, one: Simulated) -> None:
    def does() -> None:
        one.is_cut = True
        one.boot()

    story.at(0.0, does)


def _old(story: Story, one: Simulated) -> None:
    story.at(TROUBLE, lambda: setattr(one.link, "folder", story.old))


def _mixed(story: Story, one: Simulated) -> None:
    story.at(TROUBLE, lambda: setattr(one.link, "mixed", story.old))


def _rollout(story: Story, one: Simulated) -> None:
    story.at(STOLEN, lambda: setattr(one.link, "folder", story.stolen_pointer))


def _timestamp(story: Story, one: Simulated) -> None:
    def does() -> None:
        story.thief.show()
        one.link.folder = story.thief.folder

    story.at(STOLEN, does)


def _corrupt(story: Story, one: Simulated) -> None:
    story.at(TROUBLE + one.chance.random(), one.corrupt)


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "calm": Scenario("Nothing goes wrong."),
    "offline": Scenario("There is no network for 90 days.", _linked(offline=True), quiet=90),
    "clock": Scenario("The clock is 20 years ahead or behind.", _clock),
    "disk-full": Scenario("No byte more fits on the disk.", _full),
    "power": Scenario("The power is cut at any change of the disk, again and again.", _cut),
    "link": Scenario("The link breaks at any byte of some files.", _linked(breaks=True)),
    "mirror-old": Scenario("The mirror stands still.", _old),
    "mirror-mixed": Scenario("The mirror has files of two states of the channel.", _mixed),
    "mirror-truncated": Scenario("The mirror's files end early.", _linked(truncates_at=100)),
    "mirror-endless": Scenario("The mirror's files do not end.", _linked(endless=True)),
    "mirror-slow": Scenario("The mirror is so slow that each file is given up.", _linked(breaks_after=1)),
    "mirror-damaged": Scenario("The mirror turns a bit of each file.", _linked(turns_bit=True)),
    "stolen-rollout": Scenario("A thief of the rollout key points below the floor.", _rollout),
    "stolen-timestamp": Scenario("A thief of the timestamp and snapshot keys shows an old state.", _timestamp),
    "corrupt-slot": Scenario("A file of the active release changes on the disk, and the machine starts.", _corrupt),
    "fails-golden": Scenario("A release gives other golden answers.", plan=Plan(fails_golden=True)),
    "too-large": Scenario("A release takes more memory than its class has.", plan=Plan(memory_mb=5_000.0)),
    "bad-in-field": Scenario("A release is fine on golden inputs and fails in the field.", plan=Plan(errors=0.5)),
    "crash-loop": Scenario("A release ends the process whenever it answers.", plan=Plan(kills=True)),
    "duplicate-id": Scenario("A second device says that it is the same one."),
    "two-controllers": Scenario("Two controllers write each decision.", twice=True),
    "airflow-down": Scenario("For a week nothing is decided; the channel is kept fresh.", quiet=7),
}
DUPLICATE: Final = "duplicate-id"


def drawn(names: list[str], count: int, seed: int) -> list[str]:
    """A scenario for each device; each name has its turn before one has a second."""
    found: list[str] = []
    chance = random.Random(f"scenarios {seed}")  # noqa: S311 - a failing seed has to replay
    while len(found) < count:
        turn = list(names)
        chance.shuffle(turn)
        found += turn
    return found[:count]
