"""What `once`, `install` and `revert` have in common: the agent, held for as long as it takes."""

import getpass
import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.agent.effects import Failed, Request
from slipway.serving.edge.assembling import Assembled, assembled, device_of
from slipway.serving.edge.commands.options import check_model, now, tell_log
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.holding import held, holder
from slipway.serving.edge.inbox import Inbox
from slipway.serving.edge.reaching import channel_of
from slipway.serving.edge.reporting import behind, model_json, model_lines, states_of
from slipway.serving.edge.showing import shown_by
from slipway.serving.edge.stopping import stopping
from slipway.serving.errors import SlipwayError, WrongUse

WAITED_S: Final = 30.0
"""For the agent that runs to carry out a request."""
_BETWEEN_S: Final = 0.2


def go_once(home: Home, command: str, *, as_json: bool, place: str | None = None) -> int:
    """One look, at the device's channel or at another place, and on from there."""
    enrolment, clock = home.enrolment(), SystemClock()
    home.make()
    with _agent(home, command, clock) as device:
        channel = None if place is None else channel_of(home, enrolment, place)
        steps = device.following.once(channel)
        if clock.wait(0):
            raise KeyboardInterrupt
        failed = {step.model: step.outcome.why for step in steps if isinstance(step.outcome, Failed)}
        return _told(device, failed, as_json=as_json)


@contextmanager
def _agent(home: Home, command: str, clock: SystemClock) -> Iterator[Assembled]:
    """The device's agent, which says on standard error what it does."""
    log = tell_log()
    with held(home.folder, command, now()), stopping(clock), assembled(home, clock, show=shown_by(log.info)) as device:
        yield device


def _told(assembly: Assembled, failed: dict[str, str], *, as_json: bool) -> int:
    """Print how the models stand; 1 where one does not run what is wanted, or something failed."""
    device, moment = device_of(assembly.enrolment), now()
    agents = assembly.following.agents
    states = {model: agent.state for model, agent in agents.items()}
    problems = {model: failed.get(model) or behind(agent.state, device, agent.now()) for model, agent in agents.items()}
    if as_json:
        models = {model: {**model_json(state, moment), "problem": problems[model]} for model, state in states.items()}
        print(json.dumps({"device": device.id, "models": models}, indent=2))
    else:
        print("\n".join(line for state in states.values() for line in model_lines(state, moment)))
        for model, problem in problems.items():
            if problem is not None:
                print(f"slipway-edge: {model}: {problem}\n`slipway-edge why {model}` tells more.", file=sys.stderr)
    return 1 if any(problems.values()) else 0


def revert(home: Home, model: str, reason: str) -> int:
    """Back to the release before; asked of the agent that runs here, or done by this process where none does."""
    enrolment = home.enrolment()
    check_model(model, enrolment)
    before = states_of(home, enrolment)[model]
    if before.before is None:
        raise WrongUse(
            f"{model} has nothing to go back to: the other slot holds no release that was proven here.",
            mend="`slipway rollback` in the fleet brings an earlier release back to all devices.",
        )
    request = Request(id=secrets.token_hex(8), what="revert", why=reason, by=getpass.getuser())
    Inbox(home).put(model, request)
    if holder(home.folder) is None:
        with _agent(home, "revert", SystemClock()) as device:
            device.following.carry_out(model)
    else:
        _wait(home, model, request)
    state = states_of(home, enrolment)[model]
    print("\n".join(model_lines(state, now())))
    return 0 if state.active == before.before else 1


def _wait(home: Home, model: str, request: Request) -> None:
    """Until the agent has carried the request out."""
    enrolment = home.enrolment()
    end = time.monotonic() + WAITED_S
    while states_of(home, enrolment)[model].answered != request.id:
        if time.monotonic() > end:
            raise SlipwayError(
                f"The agent has the request and has not carried it out within {WAITED_S:.0f} s.",
                mend=f"It will, as soon as its step is done: `slipway-edge why {model}` tells.",
            )
        time.sleep(_BETWEEN_S)
