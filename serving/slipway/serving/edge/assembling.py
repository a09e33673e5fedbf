"""Putting the agent of this device together from its real parts.

`run`, `once`, `install`, `revert` and `serve` do it in the same way; each keeps the folder held meanwhile.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slipway.serving.edge.agent.clock import SystemClock, boot_id
from slipway.serving.edge.agent.disk import RealDisk
from slipway.serving.edge.agent.driver import Agent
from slipway.serving.edge.agent.health import Rules
from slipway.serving.edge.agent.metering import NetworkMeter
from slipway.serving.edge.building import Building
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.engines import LocalEngines
from slipway.serving.edge.fleet.reporter import Reporter, reporter_of
from slipway.serving.edge.fleet.site import SiteFollowing
from slipway.serving.edge.fleet.streams_page import drop_page
from slipway.serving.edge.following import Following, Step
from slipway.serving.edge.inbox import Inbox
from slipway.serving.edge.reaching import channel_of
from slipway.serving.edge.reporting import states_of
from slipway.serving.edge.standing import device_of
from slipway.serving.edge.stopping import CutOff
from slipway.serving.edge.telemetry.looking import Looking
from slipway.serving.edge.telemetry.telling import DeviceTelemetry, telemetry_of
from slipway.serving.runtime.live_model import DEPTH, LiveModel


@dataclass(frozen=True)
class Assembled:
    """A device's agents, the models that answer here, and who tells the fleet service of them."""

    enrolment: Enrolment
    following: Following
    lives: Mapping[str, LiveModel]
    telemetry: DeviceTelemetry
    clock: SystemClock
    reporter: Reporter
    site: SiteFollowing


@contextmanager
def assembled(
    home: Home,
    clock: SystemClock,
    *,
    show: Callable[[Step], None] = lambda _: None,
    depth: int = DEPTH,
) -> Iterator[Assembled]:
    """The agents of the device in this folder, which the caller holds. At the end they know that it was asked for."""
    enrolment = home.enrolment()
    drop_page(home)  # of streams that were cut off with their process
    channel = channel_of(home, enrolment)
    disk = RealDisk(home.folder)
    site = SiteFollowing(home, enrolment, channel, clock)
    budget = enrolment.budget
    meter = NetworkMeter(clock, disk, bytes_per_second=budget.bytes_per_second, bytes_per_day=budget.bytes_per_day)
    probation = enrolment.probation
    rules = Rules(seconds=probation.seconds, sample=probation.sample, longest=probation.longest, every=probation.every)
    draw = random.Random(f"{enrolment.id} {clock.now()}").random  # noqa: S311 - it spreads looks over time
    lives: dict[str, LiveModel] = {}
    looks: dict[str, Looking] = {}
    agents: dict[str, Agent] = {}
    python = Path(enrolment.tensorrt_python) if enrolment.tensorrt_python else None
    for model in enrolment.models:
        looks[model] = Looking()
        lives[model] = LiveModel(depth=depth, watch=looks[model])
        agents[model] = Agent(
            model,
            device_of(enrolment),
            disk=disk,
            clock=clock,
            channel=channel,
            engines=LocalEngines(
                model,
                lives[model],
                looks[model],
                threads=enrolment.threads,
                python=python,
                building=Building(home, model),
                rules=site.rules,
            ),
            meter=meter,
            rules=rules,
            chance=draw,
            boot=boot_id,
            may_swap=site.may_swap,
        )
    try:
        with telemetry_of(home.folder, clock, lives, looks, window_s=enrolment.window_s) as telemetry:
            reporter = reporter_of(
                home,
                enrolment,
                telemetry,
                states_of(home, enrolment),
                clock=clock,
                meter=meter,
                draw=draw,
                site=site.sequence,
            )

            def heard(step: Step) -> None:
                site.step(step)
                site.check(live.loaded for live in lives.values() if live.loaded is not None)
                telemetry.trouble("configuration", site.trouble or None)
                telemetry.trouble("thresholds", site.unknown or None)

            following = Following(
                agents,
                clock=clock,
                inbox=Inbox(home),
                polling=enrolment.polling,
                draw=draw,
                show=_all(telemetry.step, reporter.step, heard, show),
                looked=home.note_look,
            )
            yield from _followed(Assembled(enrolment, following, lives, telemetry, clock, reporter, site))
    finally:
        for live in lives.values():
            live.close()


def _followed(device: Assembled) -> Iterator[Assembled]:
    """An end that was asked for is noted; one that was not counts as a crash. Who began with reports ends them here."""
    try:
        try:
            yield device
        finally:
            device.reporter.end()
    except (CutOff, KeyboardInterrupt):
        device.following.close()
        raise
    else:
        device.following.close()


def _all(*each: Callable[[Step], None]) -> Callable[[Step], None]:
    def show(step: Step) -> None:
        for one in each:
            one(step)

    return show
