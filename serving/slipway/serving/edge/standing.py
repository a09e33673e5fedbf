"""Why a device runs what it runs, in a sentence: what a person asks who looks at a device that gets nothing.

A pure function of what the journal holds. `agent.wanting` and `agent.machine` decide; here it is told.
"""

from datetime import datetime, timezone
from functools import cache
from importlib.metadata import version

from slipway.serving.channel.pointer import Pin, Pointer
from slipway.serving.edge.agent.effects import Device
from slipway.serving.edge.agent.refusing import refused
from slipway.serving.edge.agent.state import Phase, Seen, State
from slipway.serving.edge.agent.wanting import known, pins, wanted
from slipway.serving.edge.configuration import Enrolment


@cache
def agent_version() -> str:
    """Of this agent; it is looked up in files, so once is enough."""
    return version("slipway-serving")


def device_of(enrolment: Enrolment) -> Device:
    """Who it is, as the agent has it."""
    return Device(
        id=enrolment.id,
        device_class=enrolment.device_class,
        enrolled=enrolment.enrolled_at,
        agent=agent_version(),
        cohorts=frozenset(enrolment.cohorts),
        site=enrolment.site,
        latency_times=enrolment.latency_times,
    )


def standing(state: State, device: Device, now: datetime) -> str:
    """Why this model stands here as it does; `now` is the device's time."""
    if state.seen is None:
        return "The channel was never seen, so nothing is known of what should run here."
    notes: list[str] = []
    for pin in pins(state.seen, device, now):
        problem = _not_followed(state, state.seen, device, pin, now)
        if problem is None:
            return " ".join([*notes, _pinned(pin), _chosen(state, device, now, None)])
        notes.append(f"The pin to release {pin.release.number} is not followed. {problem}")
    return " ".join([*notes, _chosen(state, device, now, _left_out(state, state.seen.pointer, device, now))])


def _pinned(pin: Pin) -> str:
    whose = "This device" if pin.device else f"The site {pin.site}"
    return f"{whose} is pinned to release {pin.release.number} until {_moment(pin.until)}."


def _not_followed(state: State, seen: Seen, device: Device, pin: Pin, now: datetime) -> str | None:
    """Why a pin has no say; None where it has."""
    release = known(seen, pin.release)
    if release is None:
        return "The channel has no such release here."
    if _answers(state, release.number) and state.is_bad(release) is None:
        return None
    return refused(release, state, device, now)


def _chosen(state: State, device: Device, now: datetime, left_out: str | None) -> str:
    """Of what is wanted most; `left_out` says why that is not the target."""
    choice = wanted(state, device, now)
    has = state.active.release.number if state.active else None
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
    if state.coming is not None and state.phase is Phase.SHADOW:
        return f"Release {number} is proven here and becomes active next."
    if state.coming is not None and state.phase is Phase.READY:
        return f"Release {number} is proven here and waits for a window in which models are exchanged."
    if state.coming is not None:
        return f"Release {state.coming.release.number} is on its way: {state.phase.value}."
    return f"Release {number} is wanted, and was not begun with yet."


def _answers(state: State, number: int) -> bool:
    return state.active is not None and state.active.release.number == number


def _left_out(state: State, pointer: Pointer, device: Device, now: datetime) -> str | None:
    """Why the target is not for this device by now; None where it is, or there is none."""
    target, wave = pointer.target, pointer.wave
    has = state.active.release.number if state.active else None
    if target is None or pointer.wanted(device.id, device.cohorts, has=has, now=now) == target:
        return None
    if pointer.base is not None:
        stays = f"the base, release {pointer.base.number}, is for it"
    else:
        stays = "there is no other release yet"
    if pointer.paused:
        return f"The rollout of release {target.number} is paused: no further device begins with it, and {stays}."
    if pointer.frozen_until is not None and pointer.frozen(now):
        until = _moment(pointer.frozen_until)
        return f"Rollouts are frozen until {until}: no device begins with release {target.number}, and {stays}."
    if wave.kind == "shadow" and wave.includes(device.id, device.cohorts):
        return f"Release {target.number} is tried in the shadow of what answers{_tried(state)}, and {stays}."
    if wave.cohort is not None and wave.cohort not in device.cohorts:
        mine = f"is of {', '.join(sorted(device.cohorts))}" if device.cohorts else "is of none"
        return f"Release {target.number} goes to the cohort {wave.cohort} by now, and this device {mine}; {stays}."
    among = f"the cohort {wave.cohort}" if wave.cohort is not None else "all devices"
    return (
        f"Release {target.number} goes to {wave.share:g} % of {among} by now, and this device is not among them; "
        f"{stays}."
    )


def _tried(state: State) -> str:
    """How far it is with that."""
    if state.coming is None:
        return ""
    if state.phase is not Phase.SHADOW:
        return f", and is on its way there: {state.phase.value}"
    last = next((one for one in reversed(state.told) if one.what in {"shadow", "shadow refused"}), None)
    return f", which has no room for it: {last.why.rstrip('.')}" if last and last.what != "shadow" else ""


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
