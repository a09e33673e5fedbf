"""What `revert` and `again` have in common: an operator's request.

It is asked of the agent that runs here, or carried out by this process where none does.
"""

import getpass
import os
import secrets
import time
from typing import Final, Literal

from slipway.serving.edge.agent.clock import SystemClock
from slipway.serving.edge.agent.effects import Request
from slipway.serving.edge.agent.state import State, plain
from slipway.serving.edge.commands.options import check_model, now
from slipway.serving.edge.commands.working import working
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.holding import holder
from slipway.serving.edge.inbox import LONGEST, Inbox
from slipway.serving.edge.reporting import model_lines, no_way_back, states_of
from slipway.serving.errors import SlipwayError, WrongUse

WAITED_S: Final = 30.0
"""For the agent that runs to carry out a request."""
_BETWEEN_S: Final = 0.2
IN_THE_FLEET: Final = "`slipway rollback` in the fleet brings an earlier release back to all devices."


def revert(home: Home, model: str, reason: str) -> int:
    """Back to the release before."""
    enrolment = home.enrolment()
    before = _state(home, enrolment, model)
    if (why := no_way_back(before)) is not None:
        raise WrongUse(f"{model} has nothing to go back to: {why}", mend=IN_THE_FLEET)
    after = _carried_out(home, enrolment, model, _request("revert", reason))
    if after.active != before.before:
        refusals = [told.why for told in after.told if told.what == "revert refused"]
        raise SlipwayError(
            f"{model} did not go back. {refusals[-1] if refusals else 'The agent does not say why.'}",
            mend=IN_THE_FLEET,
        )
    return _shown(after, enrolment)


def again(home: Home, model: str, number: int | None, reason: str) -> int:
    """Forget that a release failed here, or all of them."""
    enrolment = home.enrolment()
    failed = {bad.number for bad in _state(home, enrolment, model).bad}
    asked = failed if number is None else failed & {number}
    if not asked:
        which = "no release" if number is None else f"not release {number}"
        raise WrongUse(
            f"Of {model} {which} failed here{f', but {_listed(failed)}' if failed else ''}.",
            mend=f"`slipway-edge why {model}` tells what is not tried again.",
        )
    after = _carried_out(home, enrolment, model, _request("again", reason, number))
    print(f"Of {model} may be tried again, when the channel wants it: {_listed(asked)}.")
    return _shown(after, enrolment)


def _listed(numbers: set[int]) -> str:
    return ", ".join(f"release {number}" for number in sorted(numbers))


def _state(home: Home, enrolment: Enrolment, model: str) -> State:
    check_model(model, enrolment)
    return states_of(home, enrolment)[model]


def _request(what: Literal["revert", "again"], reason: str, number: int | None = None) -> Request:
    if not 0 < len(reason) <= LONGEST:
        raise WrongUse(f"--reason has {len(reason)} characters, expected 1 to {LONGEST}.")
    return Request(id=secrets.token_hex(8), what=what, why=plain(reason), by=_operator(), number=number)


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in containers
        return str(os.geteuid())


def _carried_out(home: Home, enrolment: Enrolment, model: str, request: Request) -> State:
    """How the model stands then."""
    Inbox(home).put(model, request)
    if holder(home.folder) is None:
        with working(home, request.what, SystemClock()) as device:
            device.following.carry_out(model)
            state = device.following.agents[model].state
        if state.answered != request.id:
            raise SlipwayError("The journal cannot be written.", mend="Make room; what was asked is done then.")
        return state
    end = time.monotonic() + WAITED_S
    while (state := states_of(home, enrolment)[model]).answered != request.id:
        if time.monotonic() > end:
            raise SlipwayError(
                f"The agent has the request and has not carried it out within {WAITED_S:.0f} s.",
                mend=f"It will, as soon as its step is done: `slipway-edge why {model}` tells.",
            )
        time.sleep(_BETWEEN_S)
    return state


def _shown(state: State, enrolment: Enrolment) -> int:
    print("\n".join(model_lines(state, enrolment, now())))
    return 0
