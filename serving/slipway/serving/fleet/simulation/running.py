"""Many devices in virtual time: the agent's real decisions and the real client of the channel, one event at a time.

No threads, no wall clock and no chance but the seed's: the same seed gives the same events. After each event the
invariants are held; `Broken` names the device, the moment and what does not hold.
"""

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway.serving.channel.client import ChannelClient
from slipway.serving.edge.agent.disk import RealDisk
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Device
from slipway.serving.errors import SlipwayError
from slipway.serving.fleet.simulation.clock import DeviceClock, VirtualTime
from slipway.serving.fleet.simulation.link import Link
from slipway.serving.fleet.simulation.runtime import Lived, Plan, PlannedEngines

LOOK_S = 1800.0
"""Between two looks of a device, about."""
LEAST_S = 1.0
"""Between two wakes: a shorter rest would not move the time."""
MOST_STEPS = 10_000
"""Of one wake: no agent has so much to do at once."""


class Broken(SlipwayError):
    """An invariant does not hold."""


@dataclass(frozen=True)
class Fleet:
    """What all simulated devices share."""

    model: str
    bootstrap: bytes
    plans: Mapping[str, Plan]
    known: Callable[[], Mapping[int, str]]
    """The releases that the release key has signed by now: bundle by number."""
    time: VirtualTime


class Simulated:
    """One device; its disk and what it lived through outlast `boot`."""

    def __init__(self, fleet: Fleet, device: Device, folder: Path, link: Link, clock: DeviceClock, seed: int) -> None:
        self.fleet, self.device, self.link, self.clock = fleet, device, link, clock
        self.lived, self.boots, self._folder = Lived(), 0, folder
        self._random = random.Random(f"{seed} {device.id}")  # noqa: S311 - a failing seed has to replay
        folder.mkdir(0o700, parents=True)
        self.agent = self.boot()

    def boot(self) -> Agent:
        """The machine starts anew; what was not on disk is lost."""
        self.boots += 1
        self.agent = Agent(
            self.fleet.model,
            self.device,
            disk=RealDisk(self._folder, reserve=0),
            clock=self.clock,
            channel=ChannelClient(self._folder / "trust", self.link, self.fleet.bootstrap),
            engines=PlannedEngines(self.fleet.plans, self.lived, self.clock),
            chance=self._random.random,
            boot=lambda: f"boot {self.boots}",
        )
        return self.agent

    def wake(self, *, look: bool) -> tuple[int, float]:
        """Steps that were taken, and the seconds until the next."""
        if look:
            self.agent.ask()
        for count in range(MOST_STEPS):
            effect, _ = self.agent.step()
            self.check()
            seconds = getattr(effect, "seconds", 0.0)
            if seconds is None or seconds > 0:
                return count + 1, LOOK_S if seconds is None else seconds
        raise self._broken(f"its agent took {MOST_STEPS:,} steps without resting")

    def check(self) -> None:
        """What holds at each moment."""
        state, known = self.agent.state, self.fleet.known()
        for number, bundle in self.lived.activated:
            if known.get(number) != bundle:
                raise self._broken(f"release {number} became active, and nobody signed it")
            if bundle not in self.lived.proven:
                raise self._broken(f"release {number} became active and never proved itself")
        if self.lived.activated and state.active is None and state.coming is None and state.before is None:
            raise self._broken("it had a model and has none")

    def _broken(self, what: str) -> Broken:
        return Broken(f"{self.device.id}, at {self.fleet.time.now():%Y-%m-%d %H:%M}: {what}.")

    def spread(self) -> float:
        """Seconds until its next look."""
        return LOOK_S * (0.5 + self._random.random())


def run(fleet: Fleet, devices: list[Simulated], *, days: float, plan: Mapping[float, Callable[[], None]]) -> int:
    """Live through so many days; `plan` says what happens at which second. Returns the number of steps."""
    end, steps = fleet.time.passed + days * 86_400, 0
    happenings = sorted((at, does) for at, does in plan.items())
    queue = [(fleet.time.passed + one.spread(), index, True) for index, one in enumerate(devices)]
    heapq.heapify(queue)
    while queue and queue[0][0] <= end:
        at, index, look = heapq.heappop(queue)
        while happenings and happenings[0][0] <= at:
            fleet.time.passed, does = happenings.pop(0)
            does()
        fleet.time.passed = at
        taken, rest = devices[index].wake(look=look)
        steps += taken
        spread = devices[index].spread()
        heapq.heappush(queue, (at + min(max(rest, LEAST_S), spread), index, spread <= rest))
    return steps
