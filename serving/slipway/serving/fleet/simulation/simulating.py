"""A whole simulation: a fleet, its channel, what goes wrong, and what came of it."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from slipway.serving.edge.agent.effects import Device
from slipway.serving.errors import WrongUse
from slipway.serving.fleet.simulation.clock import DeviceClock, VirtualTime
from slipway.serving.fleet.simulation.knowing import knowing
from slipway.serving.fleet.simulation.led import led_story
from slipway.serving.fleet.simulation.link import Link
from slipway.serving.fleet.simulation.own_channel import OwnChannel
from slipway.serving.fleet.simulation.project import Project
from slipway.serving.fleet.simulation.record import Record
from slipway.serving.fleet.simulation.running import Broken, Fleet, Simulated, run
from slipway.serving.fleet.simulation.runtime import CLASS
from slipway.serving.fleet.simulation.scenarios import DUPLICATE, SCENARIOS, TWO, drawn
from slipway.serving.fleet.simulation.service import SimulatedService
from slipway.serving.fleet.simulation.story import DAY, Story
from slipway.serving.fleet.simulation.truth import Counts, counts_total

ALL = "all"
REPORT_S, LED_S = 20 * 3600.0, 3 * 3600.0
"""Between two reports of a device; where controllers lead, they need more of them."""
LED_WINDOW_S = 600.0
"""Of what devices tell controllers."""


@dataclass(frozen=True)
class Progress:
    """How far a simulation is."""

    day: float
    days: float
    steps: int
    active: Mapping[str, Mapping[int, int]]
    """By model and release, on how many devices it is active; 0 stands for none."""


@dataclass(frozen=True)
class Lot:
    """What became of the devices of one scenario."""

    scenario: str
    devices: int
    switches: int
    """How often another release became active."""
    boots: int
    refused: int
    """Releases that failed on a device."""
    decided: int
    """Decisions of the runtime, answered or failed."""
    died: int
    """Of these, how many ended with a process that did, before they were written."""


@dataclass(frozen=True)
class Act:
    """What a controller decided."""

    day: float
    what: str
    release: int
    why: str


@dataclass(frozen=True)
class Outcome:
    """What came of a simulation."""

    devices: int
    seed: int
    days: float
    steps: int
    seconds: float
    """Of processor time."""
    lots: Sequence[Lot]
    broken: str | None = None
    """The first invariant that did not hold, with its device and moment; None where all did."""
    acts: Sequence[Act] = ()
    history: Sequence[Progress] = ()
    trace: Sequence[tuple[float, str, str]] = ()
    """Second, device and effect of each step."""


def simulate(
    signers: OwnChannel,
    folder: Path,
    *,
    begin: datetime,
    devices: int,
    scenarios: Sequence[str],
    seed: int,
    told: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Live through the scenarios (`all` is each of them), mixed over the devices by the seed.

    `folder` is empty and holds the devices' disks.
    """
    names = list(SCENARIOS) if ALL in scenarios else list(scenarios)
    for name in names:
        if name not in SCENARIOS:
            raise WrongUse(f"There is no scenario {name!r}.", mend=f"Expected {ALL} or one of {', '.join(SCENARIOS)}.")
    began, time_ = time.process_time(), VirtualTime(begin)
    with ExitStack() as services:
        story = _story(signers, services, folder, time_, names, seed)
        for index, name in enumerate(drawn(names, devices, seed)):
            story.devices.append(_device(story, index, name, seed))
        story.enrol()
        with knowing():
            broken, history = _lived(story, told)
        acts = _acts(story)
    trace, lots = story.fleet.trace, _lots(story.devices)
    seconds = time.process_time() - began
    return Outcome(devices, seed, story.days, len(trace), seconds, lots, broken, acts, history, trace)


def _lived(story: Story, told: Callable[[Progress], None]) -> tuple[str | None, Sequence[Progress]]:
    """What is broken, and how it went day by day."""
    story.tell()
    history: list[Progress] = []

    def daily(day: float) -> None:
        history.append(Progress(day, story.days, len(story.fleet.trace), _active(story)))
        told(history[-1])

    try:
        run(story.fleet, story.devices, days=story.days, plan=story.happenings, told=daily)
        for one in story.devices:
            one.converged()
        for one in story.devices:
            one.tell_all()
        for fleet in story.fleets:
            works = fleet.service.works(fleet.model)
            for one in story.devices:
                if one.fleet is fleet:
                    one.told(works)
    except Broken as error:
        return str(error), history
    return None, history


def _story(
    signers: OwnChannel, services: ExitStack, folder: Path, time_: VirtualTime, names: Sequence[str], seed: int
) -> Story:
    chosen = [SCENARIOS[name] for name in names]
    service = services.enter_context(SimulatedService.running(folder / "service", time_, REPORT_S))
    fleet = Fleet(signers.model, signers.root(), Record(), time_, service, signers.folder)
    story = Story(signers, fleet, folder)
    story.bad = [one.plan for one in chosen if one.plan is not None]
    story.quiet = max((one.quiet for one in chosen), default=0.0)
    if any(one.led for one in chosen):
        service = services.enter_context(SimulatedService.running(folder / "led-service", time_, LED_S))
        project = Project(folder / "project", time_, silent_minutes=service.settings.silent_minutes)
        led = Fleet(
            project.model, project.root(), Record(), time_, service, project.folder,
            look_s=LED_S, window_s=LED_WINDOW_S, timed=True, trace=fleet.trace,
        )  # fmt: skip
        story.led = led_story(led, project, two=TWO in names, seed=seed)
    for one in chosen:
        if one.world is not None:
            one.world(story)
    story.at(story.mended, story.mend)
    return story


def _device(story: Story, index: int, scenario: str, seed: int) -> Simulated:
    same = scenario == DUPLICATE and story.devices
    name = story.devices[-1].device.id if same else f"bay-{index}"
    led = SCENARIOS[scenario].led and story.led is not None
    fleet = story.led.fleet if led and story.led else story.fleet
    who = Device(id=name, device_class=CLASS, enrolled=fleet.time.now(), agent="0.1.0")
    link = Link(fleet.channel)
    one = Simulated(fleet, who, story.folder / f"device-{index}", link, DeviceClock(fleet.time), seed)
    one.scenario = scenario
    if (does := SCENARIOS[scenario].device) is not None:
        does(story, one)
    return one


def _active(story: Story) -> Mapping[str, Mapping[int, int]]:
    found: dict[str, Mapping[int, int]] = {}
    for fleet in story.fleets:
        states = [one.agent.state for one in story.devices if one.fleet is fleet]
        if states:
            counts = Counter(state.active.release.number if state.active else 0 for state in states)
            found[fleet.model] = dict(sorted(counts.items()))
    return found


def _lots(devices: Sequence[Simulated]) -> list[Lot]:
    found = []
    for name in sorted({one.scenario for one in devices}):
        its = [one for one in devices if one.scenario == name]
        switches = sum(one.lived.switches for one in its)
        refused = sum(len(one.agent.state.bad) for one in its)
        decided, died = (sum(counts_total(counts) for counts in each) for each in _truths(its))
        found.append(Lot(name, len(its), switches, sum(one.boots for one in its), refused, decided, died))
    return found


def _truths(devices: Sequence[Simulated]) -> tuple[list[Counts], list[Counts]]:
    truths = [one.lived.truth for one in devices]
    return [one.decided for one in truths], [one.died for one in truths]


def _acts(story: Story) -> list[Act]:
    if story.led is None:
        return []
    begin, found = story.fleet.time.begin, []
    for written in story.led.controllers.decided():
        decision, day = written.entry.decision, (written.entry.at - begin).total_seconds() / DAY
        found.append(Act(round(day, 2), decision.action.value, int(decision.subjects["release"]), decision.reason))
    return found
