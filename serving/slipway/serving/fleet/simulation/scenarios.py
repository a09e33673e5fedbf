"""What can go wrong in a simulated fleet, each under a name; all of it is mended before the end.

A scenario changes one device, or what everybody sees. Devices of some follow a model that the real controllers lead, by
a ledger and plans. Without Airflow nothing is decided, and the keepalive goes on.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from slipway.serving.fleet.simulation.disk import SimulatedDisk
from slipway.serving.fleet.simulation.running import Simulated
from slipway.serving.fleet.simulation.runtime import Plan
from slipway.serving.fleet.simulation.story import AGAIN, DAY, STOLEN, TROUBLE, Story
from slipway.serving.fleet.simulation.truth import SMALL

YEARS = 20
STILL = 17
"""Days for which a release waits: longer than a timestamp lasts."""
TIMES = 4
DOWN = 1.75
"""The day on which the fleet service goes down."""


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
    led: bool = False
    """Controllers lead the model of its devices."""
    world: Callable[[Story], None] | None = None
    """Of all devices."""


def _linked(**wrong: object) -> Callable[[Story, Simulated], None]:
    def does(story: Story, one: Simulated) -> None:
        story.at(TROUBLE, lambda: vars(one.link).update(wrong))

    return does


def _clock(story: Story, one: Simulated) -> None:
    off = timedelta(days=365 * YEARS * one.chance.choice([-1, 1]))
    story.at(TROUBLE, lambda: setattr(one.clock, "off", off))


def _full(story: Story, one: Simulated) -> None:
    def does(*, full: bool) -> None:
        if isinstance(one.disk, SimulatedDisk):
            one.disk.full = full

    story.at(TROUBLE, lambda: does(full=True))
    story.at(TROUBLE + 1, lambda: does(full=False))


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


def _forged(story: Story, one: Simulated) -> None:
    story.at(STOLEN, lambda: setattr(one.link, "folder", story.forged))


def _stale(story: Story, one: Simulated) -> None:
    """A release waits here for its window, while its mirror stands still, and moves on to what is old as well."""
    one.opens_at = (AGAIN + STILL) * DAY
    story.at(AGAIN - 0.005, lambda: setattr(one.link, "folder", story.older))
    story.at(AGAIN + STILL - 2, lambda: setattr(one.link, "folder", story.newer))


def _trust_lost(story: Story, one: Simulated) -> None:
    def does() -> None:
        one.link.folder = story.older
        one.distrust("timestamp.json", "snapshot.json")

    story.at(STOLEN, does)


def _trust_gone(story: Story, one: Simulated) -> None:
    def does() -> None:
        one.link.folder = story.old
        one.distrust()

    story.at(TROUBLE, lambda: story.old)
    story.at(STOLEN, does)


def _pinned(story: Story, one: Simulated) -> None:
    story.pinned.append(one.device.id)


def _pin_ended(story: Story, one: Simulated) -> None:
    """It comes back when its pin has ended, and by its clock it has not."""

    def goes() -> None:
        one.clock.off = timedelta(days=-365 * YEARS)
        one.link.offline = True

    def comes() -> None:
        one.link.offline = False
        one.wake(look=True)

    story.pinned.append(one.device.id)
    story.at(story.mended + 0.4, goes)
    story.at(story.mended + 1.05, comes)
    story.at(story.mended + 1.15, one.mend)


def _held(story: Story) -> None:
    story.held = True


def _corrupt(story: Story, one: Simulated) -> None:
    story.at(TROUBLE + one.chance.random(), one.corrupt)


def _line(**wrong: object) -> Callable[[Story, Simulated], None]:
    def does(story: Story, one: Simulated) -> None:
        story.at(TROUBLE, lambda: vars(one.reports.line).update(wrong))

    return does


def _small(story: Story, one: Simulated) -> None:
    one.reports.limit = SMALL
    _line(broken=True)(story, one)


def _again(what: Callable[[Simulated], None]) -> Callable[[Story, Simulated], None]:
    """Several times."""

    def does(story: Story, one: Simulated) -> None:
        for _ in range(TIMES):
            story.at(TROUBLE + one.chance.uniform(0, 2), lambda: what(one))

    return does


def _down(story: Story) -> None:
    def does(*, down: bool) -> None:
        for fleet in story.fleets:
            fleet.service.down = down

    story.at(DOWN, lambda: does(down=True))
    story.at(DOWN + 1, lambda: does(down=False))


def _set_back(story: Story) -> None:
    story.at(DOWN - 0.8, story.copy)
    story.at(DOWN - 0.3, story.set_back)


def _fresh(story: Story, one: Simulated) -> None:
    """It has what it could install by, as long as its channel is kept fresh."""
    story.at(story.mended - 0.01, one.fresh)


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
    "forged": Scenario("Somebody without the channel's keys gives out files of their own.", _forged),
    "stale": Scenario("What was seen expires while a release waits for its window.", _stale, quiet=20),
    "trust-lost": Scenario("Some files are gone of what a device trusts, and the mirror is old.", _trust_lost),
    "trust-gone": Scenario("All of them are gone, and the mirror is old.", _trust_gone),
    "pinned": Scenario("A device is pinned to each release that is tried out, for hours.", _pinned),
    "pin-ended": Scenario("A pin has ended, and not by the device's clock, which is behind.", _pin_ended),
    "held": Scenario("A rollout is paused, frozen, and in a shadow.", world=_held),
    "corrupt-slot": Scenario("A file of the active release changes on the disk, and the machine starts.", _corrupt),
    "fails-golden": Scenario("A release gives other golden answers.", plan=Plan(fails_golden=True)),
    "too-large": Scenario("A release takes more memory than its class has.", plan=Plan(memory_mb=5_000.0)),
    "too-slow": Scenario("A release takes longer than its class allows.", plan=Plan(p95_ms=30.0)),
    "too-big": Scenario("A release's file is larger than its class has room for.", plan=Plan(size_mb=0.0001)),
    "old-agent": Scenario("A release asks for a newer agent.", plan=Plan(minimum_agent="9.0.0")),
    "other-class": Scenario("A release is made for another class of devices.", plan=Plan(device_class="edge-other")),
    "bad-in-field": Scenario("A release is fine on golden inputs and fails in the field.", plan=Plan(errors=0.5)),
    "crash-loop": Scenario("A release ends the process whenever it answers.", plan=Plan(kills=True)),
    "duplicate-id": Scenario("A second device says that it is the same one."),
    "led": Scenario("A controller leads releases; one is bad, and no device sees it.", led=True),
    "two-controllers": Scenario("Two controllers do, and are killed or overtaken at their writes.", led=True),
    "fleet-down": Scenario("The fleet service is down for a day, while a controller leads.", led=True, world=_down),
    "fleet-set-back": Scenario("The fleet service's store is set back to a copy of half a day ago.", world=_set_back),
    "report-lost": Scenario("Reports and their answers get lost, or end at any byte.", _line(fails=True)),
    "report-replayed": Scenario("Somebody says again what a device said once.", _line(replays=True)),
    "report-forgotten": Scenario("A device forgets the numbers of its reports.", _again(Simulated.forget)),
    "spool-full": Scenario("A small spool, and nobody who takes what is in it.", _small),
    "stopped": Scenario("The agent is asked to end, and started again.", _again(Simulated.stop)),
    "airflow-down": Scenario("For 21 days nothing is decided; the channel is kept fresh.", _fresh, quiet=21),
}
DUPLICATE: Final = "duplicate-id"
TWO: Final = "two-controllers"


def drawn(names: list[str], count: int, seed: int) -> list[str]:
    """A scenario for each device; each name has its turn before one has a second."""
    found: list[str] = []
    chance = random.Random(f"scenarios {seed}")  # noqa: S311 - a failing seed has to replay
    while len(found) < count:
        turn = list(names)
        chance.shuffle(turn)
        found += turn
    return found[:count]
