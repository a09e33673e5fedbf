"""What `once` and `install` have in common, and the agent of all that work at once: held for as long as it takes."""

import json
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.agent.effects import Failed
from slipway.serving.edge.assembling import Assembled, assembled
from slipway.serving.edge.commands.options import now, tell_log
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.holding import held
from slipway.serving.edge.reaching import channel_of
from slipway.serving.edge.reporting import behind, model_json, model_lines
from slipway.serving.edge.showing import shown_by
from slipway.serving.edge.standing import device_of
from slipway.serving.edge.stopping import stopping

NOTHING_NEW: Final = "Nothing new was installed, for the reason above; what was installed goes on."


def go_once(home: Home, command: str, *, as_json: bool, place: str | None = None) -> int:
    """One look, at the device's channel or at another place, and on from there."""
    enrolment, clock = home.enrolment(), SystemClock()
    home.make()
    with working(home, command, clock) as device:
        channel = None if place is None else channel_of(home, enrolment, place)
        device.site.looks = place is None
        steps = device.following.once(channel)
        if clock.wait(0):
            raise KeyboardInterrupt
        if place is None:
            device.reporter.once()
        failed = {step.model: step.outcome.why for step in steps if isinstance(step.outcome, Failed)}
        heard = {told.why for step in steps for told in step.state.told if told not in step.before.told}
        return _told(device, failed, heard, as_json=as_json)


@contextmanager
def working(home: Home, command: str, clock: SystemClock) -> Iterator[Assembled]:
    """The device's agent, which says on standard error what it does."""
    log = tell_log()
    with held(home.folder, command, now()), stopping(clock), assembled(home, clock, show=shown_by(log.info)) as device:
        yield device


def _told(assembly: Assembled, failed: dict[str, str], heard: Collection[str], *, as_json: bool) -> int:
    """Print how the models stand; 1 where one does not run what is wanted, or something failed.

    What was heard stands in the log above already.
    """
    enrolment, clock = assembly.enrolment, assembly.clock.now()
    device, agents = device_of(enrolment), assembly.following.agents
    problems = {model: failed.get(model) or behind(agent.state, device, agent.now()) for model, agent in agents.items()}
    if as_json:
        models = {
            model: {**model_json(agent.state, enrolment, clock), "problem": problems[model]}
            for model, agent in agents.items()
        }
        print(json.dumps({"device": device.id, "models": models}, indent=2))
    else:
        print("\n".join(line for agent in agents.values() for line in model_lines(agent.state, enrolment, clock)))
        for model, problem in problems.items():
            if problem is not None:
                said = NOTHING_NEW if problem in heard else f"{problem}\n`slipway-edge why {model}` tells more."
                print(f"slipway-edge: {model}: {said}", file=sys.stderr)
    return 1 if any(problems.values()) else 0
