"""Why a device runs what it runs, in a sentence: what a person asks who looks at a device that gets nothing.

A pure function of what the journal holds. `agent.wanting` and `agent.machine` decide; here it is told.
"""

from datetime import datetime
from importlib.metadata import version

from slipway.serving.channel.pointer import Pointer
from slipway.serving.edge.agent.effects import Device
from slipway.serving.edge.agent.refusing import refused
from slipway.serving.edge.agent.state import Phase, State
from slipway.serving.edge.agent.wanting import wanted
from slipway.serving.edge.configuration import Enrolment


def device_of(enrolment: Enrolment) -> Device:
    """Who it is, as the agent has it."""
    return Device(
        id=enrolment.id,
        device_class=enrolment.device_class,
        enrolled=enrolment.enrolled_at,
        agent=version("slipway-serving"),
        cohorts=frozenset(enrolment.cohorts),
    )


def standing(state: State, device: Device, now: datetime) -> str:
    """Why this model stands here as it does; `now` is the device's time."""
    if state.seen is None:
        return "The channel was never seen, so nothing is known of what should run here."
    pointer, choice = state.seen.pointer, wanted(state, device)
    has = state.active.release.number if state.active else None
    left_out = _left_out(pointer, device, has)
    if not choice:
        return left_out or "The channel has no release for this device yet."
    first = choice[0]
    if state.phase is Phase.PROBATION and state.active is not None and state.active.release != first:
        if first.number < state.active.release.number:
            return f"Release {first.number} is wanted in place of release {has}, and it is gone back to."
        return f"Release {has} is on probation, and release {first.number} waits for the end of that."
    if (why := refused(first, state, device, now)) is not None and not _answers(state, first.number):
        return f"Release {first.number} is wanted. {why}"
    return left_out or _on_its_way(state, first.number)


def _on_its_way(state: State, number: int) -> str:
    if _answers(state, number):
        return f"Release {number} is what the channel wants here."
    if state.coming is not None:
        return f"Release {state.coming.release.number} is on its way: {state.phase.value}."
    return f"Release {number} is wanted, and was not begun with yet."


def _answers(state: State, number: int) -> bool:
    return state.active is not None and state.active.release.number == number


def _left_out(pointer: Pointer, device: Device, has: int | None) -> str | None:
    """Why the target is not for this device by now; None where it is, or there is none."""
    target, wave = pointer.target, pointer.wave
    if target is None or pointer.wanted(device.id, device.cohorts, has=has) == target:
        return None
    if pointer.base is not None:
        stays = f"the base, release {pointer.base.number}, is for it"
    else:
        stays = "there is no other release yet"
    if pointer.paused:
        return f"The rollout of release {target.number} is paused: no further device begins with it, and {stays}."
    if wave.cohort is not None and wave.cohort not in device.cohorts:
        mine = f"is of {', '.join(sorted(device.cohorts))}" if device.cohorts else "is of none"
        return f"Release {target.number} goes to the cohort {wave.cohort} by now, and this device {mine}; {stays}."
    among = f"the cohort {wave.cohort}" if wave.cohort is not None else "all devices"
    return (
        f"Release {target.number} goes to {wave.share:g} % of {among} by now, and this device is not among them; "
        f"{stays}."
    )
