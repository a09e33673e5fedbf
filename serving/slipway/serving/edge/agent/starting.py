"""What a start says of the one before: that it was asked to end, that the process crashed, or that the power was cut.

The machine's boot id tells the last two apart: a process that ended by itself is started again in the same boot. Where
either id is not known it is a crash, which leaves a release early rather than never. A release may bring the whole
machine down, and that looks like cut power; so the ends of the machine count as well, with a higher bound of their own.
"""

from typing import Final

from slipway.serving.edge.agent.health import Rules
from slipway.serving.edge.agent.state import Phase, State

COUNTED: Final = {Phase.BUILD, Phase.PROVE, Phase.SHADOW, Phase.ACTIVATE, Phase.PROBATION}
"""Phases in which a release may be what ended the process."""


def started(state: State, boot: str) -> State:
    """The state with this start; `boot` names the start of the machine that it is in, and is empty where unknown."""
    crashes, reboots = state.crashes, state.reboots
    if state.started and state.phase in COUNTED:
        rebooted = boot and state.boot and boot != state.boot
        crashes, reboots = (crashes, reboots + 1) if rebooted else (crashes + 1, reboots)
    return state.model_copy(update={"started": True, "boot": boot, "crashes": crashes, "reboots": reboots})


def too_many_ends(state: State, rules: Rules) -> str | None:
    """Why a release is not loaded once more; None as long as it is."""
    if state.crashes >= rules.crashes:
        return f"The process ended {state.crashes} times without being asked to, in {state.phase.value}."
    if state.reboots >= rules.reboots:
        return (
            f"The machine ended {state.reboots} times, in {state.phase.value}: its power was cut, "
            "or the release brings it down."
        )
    return None
