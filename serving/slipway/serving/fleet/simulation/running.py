"""Many devices in virtual time: the agent's real decisions and the real client of the channel, one event at a time.

No threads, no wall clock and no chance but the seed's: the same seed gives the same events. After each event the
invariants are held; `Broken` names the device, the moment and what does not hold.
"""

import heapq
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from slipway.serving.bundle.canonical import sha256
from slipway.serving.channel.client import ChannelClient
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.effects import Device
from slipway.serving.edge.agent.health import Rules
from slipway.serving.edge.agent.slots import Layout
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.following import Step
from slipway.serving.errors import SlipwayError
from slipway.serving.fleet.facts import Work
from slipway.serving.fleet.simulation.clock import DeviceClock, VirtualTime
from slipway.serving.fleet.simulation.cutting import Cut, CuttingDisk, PowerCut, Unsynced
from slipway.serving.fleet.simulation.disk import SimulatedDisk
from slipway.serving.fleet.simulation.invariants import Witness
from slipway.serving.fleet.simulation.link import Link
from slipway.serving.fleet.simulation.record import Record
from slipway.serving.fleet.simulation.reports import ADDRESS, Line, Reports
from slipway.serving.fleet.simulation.runtime import Ended, Lived, PlannedEngines
from slipway.serving.fleet.simulation.service import SimulatedService

LOOK_S = 4 * 3600.0
"""Between two looks of a device, about."""
TOLD_S = 6 * 3600.0
"""Between two moments that are told."""
LEAST_S = 1.0
"""Between two wakes: a shorter rest would not move the time."""
WINDOW_S = 6 * 3600.0
"""Of telemetry."""
START_S = 10.0
"""Until a process that ended is started again."""
MOST_STEPS = 10_000
"""Of one wake: no agent has so much to do at once."""
RULES = Rules(every=600.0)
TRUST = "trust"
MOST_REPORTS = 100
"""Until all is told that can be."""
NEAR = 40
"""Power is cut within so many changes of the disk."""


class Broken(SlipwayError):
    """An invariant does not hold."""


@dataclass
class Fleet:
    """What all simulated devices share."""

    model: str
    bootstrap: bytes
    record: Record
    time: VirtualTime
    service: SimulatedService
    channel: Path
    """What its devices read."""
    look_s: float = LOOK_S
    quiet_s: float | None = None
    """The same in quiet times."""
    window_s: float = WINDOW_S
    """Of telemetry."""
    timed: bool = False
    """Devices tell how long answers take."""
    last: int = 0
    """The release that is for all in the end."""
    trace: list[tuple[float, str, str]] = field(default_factory=list)
    """Second, device and effect of each step: what the same seed has to give again."""

    @property
    def every_s(self) -> float:
        """Between two looks by now, about."""
        return self.quiet_s or self.look_s


class Simulated:
    """One device; its disk and what it lived through outlast `boot`."""

    def __init__(self, fleet: Fleet, device: Device, folder: Path, link: Link, clock: DeviceClock, seed: int) -> None:
        self.fleet, self.device, self.link, self.clock = fleet, device, link, clock
        self.lived, self.boots, self._folder = Lived(), 0, folder / "device"
        self.scenario = ""
        self.opens_at = 0.0
        """The second from which models may be exchanged."""
        self.is_cut = False
        """Its power is cut again and again."""
        self.chance = random.Random(f"{seed} {folder.name}")  # noqa: S311 - a failing seed has to replay
        self.link.chance = self.chance
        line = Line(fleet.service, self.chance, offline=lambda: self.link.offline)
        self.reports = Reports(Home(self._folder), clock, line, self.lived.truth, full=lambda: self.is_full)
        self.witness = Witness(fleet.record, device, clock, self.lived, lambda: self.closed_s > 0)
        self._folder.mkdir(0o700, parents=True)
        self.disk: SimulatedDisk | CuttingDisk | None = None
        self.agent = self.boot()

    def enrol(self, token: str | None) -> None:
        """Become a device of the fleet; without a token the service does not know it."""
        who, fleet = self.device, self.fleet

        def enrolment(public: str) -> Enrolment:
            return Enrolment(
                id=who.id,
                device_class=who.device_class,
                channel=str(self.link.folder),
                models=(fleet.model,),
                enrolled_at=who.enrolled,
                public_key=public,
                root=sha256(fleet.bootstrap),
                fleet=ADDRESS,
                window_s=fleet.window_s,
            )

        self.reports.enrol(enrolment, token)
        self.reports.begin(self.engines)

    @property
    def closed_s(self) -> float:
        """Seconds until models may be exchanged."""
        return max(0.0, self.opens_at - self.fleet.time.passed)

    @property
    def is_full(self) -> bool:
        """No byte more fits on its disk."""
        return isinstance(self.disk, SimulatedDisk) and self.disk.full

    def boot(self) -> Agent:
        """The machine starts anew; what was not on disk is lost."""
        self.boots += 1
        return self.start()

    def start(self) -> Agent:
        """A new process on the machine as it runs."""
        self.close()
        self.disk = self._disk()
        chance = self.chance.random if self.fleet.timed else None
        self.engines = PlannedEngines(self.fleet.model, self.fleet.record.plans, self.lived, self.clock, chance)
        self.agent = Agent(
            self.fleet.model,
            self.device,
            disk=self.disk,
            clock=self.clock,
            channel=ChannelClient(self._folder / TRUST, self.link, self.fleet.bootstrap),
            engines=self.engines,
            chance=self.chance.random,
            boot=lambda: f"boot {self.boots}",
            rules=RULES,
            may_swap=lambda _: self.closed_s,
        )
        self.reports.begin(self.engines)
        return self.agent

    def close(self) -> None:
        """The process has ended, and nobody comes back to its disk."""
        if self.boots > 1:
            self.engines.end()
            self.reports.die()
        if isinstance(self.disk, CuttingDisk):
            self.disk.done()

    def wake(self, *, look: bool) -> float:
        """Work until there is nothing to do; the seconds until there is."""
        try:
            if look:
                self.agent.ask()
            return self._work()
        except Ended:
            self.start()
        except PowerCut:
            self.boot()
        return START_S

    def _work(self) -> float:
        for _ in range(MOST_STEPS):
            before = self.agent.state
            effect, outcome = self.agent.step()
            untrue = self.reports.step(Step(self.fleet.model, effect, outcome, before, self.agent.state))
            self.fleet.trace.append((self.fleet.time.passed, self.device.id, type(effect).__name__))
            self.check(untrue)
            seconds = getattr(effect, "seconds", 0.0)
            if seconds is None or seconds > 0:
                self.reports.send()
                return math.inf if seconds is None else float(seconds)
        raise self._broken(f"its agent took {MOST_STEPS:,} steps without resting")

    def check(self, untrue: str | None) -> None:
        """What holds at each moment."""
        for what in self.witness.broken(self.agent.state):
            raise self._broken(what)
        if untrue is not None:
            raise self._broken(untrue)

    def mend(self) -> None:
        """Nothing is wrong with it any more."""
        self.link.heal(self.fleet.channel)
        self.reports.line.heal()
        self.clock.off = timedelta()
        self.is_cut, self.opens_at = False, 0.0
        self.boot()

    def distrust(self, *names: str) -> None:
        """Files are gone of what it trusts, or all of them, and the machine starts."""
        for path in sorted((self._folder / TRUST).rglob("*"), reverse=True):
            if path.is_file() and (not names or path.name in names):
                path.unlink()
        self.boot()

    def stop(self) -> None:
        """Somebody asks its process to end, and starts it again."""
        self.reports.close()
        self.agent.close()
        if (untrue := self.lived.truth.unwritten()) is not None:
            raise self._broken(untrue)
        self.start()

    def forget(self) -> None:
        """It knows no more how far the numbers of its reports are, and the machine starts."""
        self.reports.forget()
        self.boot()

    def corrupt(self) -> None:
        """A file of what answers is another one from now on, and the machine starts."""
        active = self.agent.state.active
        if active is None:
            return
        slot = self._folder / Layout(self.fleet.model).slot(active.slot)
        file = next(path for path in sorted(slot.iterdir()) if path.suffix == ".onnx")
        file.write_bytes(file.read_bytes()[:-1] + b"?")
        self.witness.excused = True
        self.boot()

    def converged(self) -> None:
        """What holds at the end."""
        number, active = self.fleet.last, self.agent.state.active
        if active is None or active.release.number != number or self.agent.running is None:
            what = f"release {active.release.number}" if active else "nothing"
            raise self._broken(f"it ends with {what}, and release {number} is for all")
        left = {one.bundle for one in self.agent.state.bad}
        for one in self.lived.became:
            if self.fleet.record.bad(one.bundle) and one.bundle not in left:
                raise self._broken(f"release {one.number} answered, that no device should keep, and never failed here")

    def fresh(self) -> None:
        """What holds of a device for which nothing was wrong."""
        seen = self.agent.state.seen
        if seen is None or seen.good_until < self.clock.now():
            raise self._broken("nobody keeps the channel fresh: what it has seen last has expired")

    def tell_all(self) -> None:
        """What is left to tell; time goes by meanwhile."""
        self.reports.flush()
        for _ in range(MOST_REPORTS):
            if not self.reports.left():
                return
            self.fleet.time.passed += LOOK_S
            self.reports.send()
        raise self._broken("it does not come to tell all that is in its spool")

    def told(self, works: Mapping[str, Sequence[Work]]) -> None:
        """What holds when all is told."""
        if not self.reports.enrolled:
            return
        if (untold := self.lived.truth.untold(works.get(self.device.id, ()))) is not None:
            raise self._broken(untold)
        if (said := self.fleet.service.said(self.device.id, self.fleet.model)) != self.fleet.last:
            raise self._broken(f"it runs release {self.fleet.last}, and the service says that it runs {said}")

    def spread(self) -> float:
        """Seconds until its next look."""
        return self.fleet.every_s * (0.5 + self.chance.random())

    def _disk(self) -> SimulatedDisk | CuttingDisk:
        if not self.is_cut:
            return SimulatedDisk(self._folder, reserve=0)
        cut = Cut(self.chance.randrange(NEAR), self.chance.randrange(400), self.chance.choice(list(Unsynced)))
        return CuttingDisk(self._folder, cut)

    def _broken(self, what: str) -> Broken:
        scenario = f" ({self.scenario})" if self.scenario else ""
        return Broken(f"{self.device.id}{scenario}, at {self.fleet.time.now():%Y-%m-%d %H:%M}: {what}.")


Happening = tuple[float, Callable[[], object]]


def run(
    fleet: Fleet,
    devices: list[Simulated],
    *,
    days: float,
    plan: Iterable[Happening] = (),
    told: Callable[[float], None] = lambda _: None,
) -> None:
    """Live through so many days; `plan` says what happens at which second, `told` hears of the days, now and then."""
    end, part = fleet.time.passed + days * 86_400, int(fleet.time.passed // TOLD_S)
    happenings = sorted(plan, key=lambda one: one[0])
    looks = [fleet.time.passed + one.spread() for one in devices]
    queue = [(at, index) for index, at in enumerate(looks)]
    heapq.heapify(queue)
    while queue and queue[0][0] <= end:
        at, index = heapq.heappop(queue)
        while happenings and happenings[0][0] <= at:
            fleet.time.passed, does = happenings.pop(0)
            does()
        fleet.time.passed = at
        if at // TOLD_S > part:
            part = int(at // TOLD_S)
            told(part * TOLD_S / 86_400)
        rest = devices[index].wake(look=at >= looks[index])
        if at >= looks[index]:
            looks[index] = at + devices[index].spread()
        heapq.heappush(queue, (min(at + max(rest, LEAST_S), looks[index]), index))
