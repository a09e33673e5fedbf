"""How a model stands on this device, and why: from what its journal holds, for people and for scripts."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from slipway.serving.edge.agent.changes import way_back
from slipway.serving.edge.agent.clock import device_time
from slipway.serving.edge.agent.disk import RealDisk
from slipway.serving.edge.agent.effects import Device
from slipway.serving.edge.agent.journal import Journal
from slipway.serving.edge.agent.refusing import below_floor, refused
from slipway.serving.edge.agent.slots import Layout
from slipway.serving.edge.agent.state import Installed, Phase, State
from slipway.serving.edge.agent.wanting import wanted
from slipway.serving.edge.configuration import Enrolment, Home
from slipway.serving.edge.standing import device_of, standing

SHORT = 12
PROGRESS = frozenset({"begun", "fetched", "verified", "built", "proven", "active", "settled"})
"""What is told when all goes well."""


def states_of(home: Home, enrolment: Enrolment) -> dict[str, State]:
    """What is remembered of each model; read only, whoever works here meanwhile."""
    disk = RealDisk(home.folder)
    found = {model: Journal(disk, Layout(model).journal).read().newest for model in enrolment.models}
    return {model: entry.state if entry else State(model=model) for model, entry in found.items()}


def behind(state: State, device: Device, now: datetime) -> str | None:
    """Why a model does not run what it should; None where it does, or waits, or nothing is wanted.

    That is what the channel wants here, without what an operator has left.
    """
    choice = wanted(state, device, now)
    if state.active is not None:  # what an operator left is no longer wanted here: that is a person's word, no failure
        choice = tuple(one for one in choice if not ((bad := state.is_bad(one)) and bad.asked))
    if not choice or (state.active is not None and state.active.release == choice[0]):
        return None
    number = choice[0].number
    if (why := refused(choice[0], state, device, now)) is not None:
        return f"Release {number}: {why}"
    if state.phase is Phase.PROBATION:
        return None
    reasons = [told for told in state.told if told.what not in PROGRESS]
    return f"Release {number} is wanted and does not run here{f': {reasons[-1].why}' if reasons else '.'}"


def no_way_back(state: State) -> str | None:
    """Why nothing could answer in place of the active release; None where the one before could."""
    if way_back(state) is not None:
        return None
    if state.before is None:
        return "the other slot holds no release that was proven here."
    release = state.before.release
    if (bad := state.is_bad(release)) is not None:
        how = "was left here" if bad.asked else "failed here"
        where = "" if bad.asked else f", in {bad.phase.value}"
        return f"release {release.number} {how} on {_at(bad.at)}{where}: {bad.why}"
    if below_floor(release, state):
        return f"release {release.number} is below the floor: devices that have seen {state.floor} run nothing older."
    return f"release {release.number} may not run here."


def model_json(state: State, device: Enrolment, clock: datetime) -> dict[str, Any]:
    """One model for scripts."""
    seen, now = state.seen, device_time(clock, device.enrolled_at, state)
    return {
        "phase": state.phase.value,
        "active": _installed_json(state.active),
        "coming": _installed_json(state.coming),
        "before": _installed_json(state.before),
        "shadow": state.shadow,
        "floor": state.floor,
        "sequence": state.sequence,
        "signed_at": None if seen is None else seen.signed_at.isoformat(),
        "good_until": None if seen is None else seen.good_until.isoformat(),
        "stale": seen is not None and now > seen.good_until,
        "probation": _probation_json(state, device),
        "bad": [one.model_dump(mode="json") for one in state.bad],
        "reason": standing(state, device_of(device), now),
        "no_way_back": no_way_back(state),
    }


def _installed_json(installed: Installed | None) -> dict[str, Any] | None:
    if installed is None:
        return None
    return {
        "release": installed.release.number,
        "bundle": installed.release.bundle,
        "slot": installed.slot,
        "variant": installed.variant,
        "provider": installed.provider,
        "detail": installed.detail,
        "proven": installed.proven,
        "p95_ms": installed.p95_ms,
        "memory_mb": installed.memory_mb,
    }


def _probation_json(state: State, device: Enrolment) -> dict[str, float] | None:
    if state.phase is not Phase.PROBATION:
        return None
    watched, rules = state.watched, device.probation
    return {
        "seconds": watched.seconds,
        "seconds_least": rules.seconds,
        "seconds_most": rules.longest,
        "requests": watched.answered + watched.failed,
        "requests_least": rules.sample,
    }


def model_lines(state: State, device: Enrolment, clock: datetime) -> Iterator[str]:
    """One model for people."""
    now = device_time(clock, device.enrolled_at, state)
    yield f"{state.model}: {state.phase.value}"
    yield f"  answers     {_installed(state.active)}"
    if state.phase is Phase.PROBATION:
        yield f"  probation   {_probation(state, device)}"
    if state.coming is not None:
        yield f"  coming      {_installed(state.coming)}"
    if state.before is not None:
        yield f"  before      {_installed(state.before)}"
        if (gone := no_way_back(state)) is not None:
            yield f"              may not be gone back to: {gone}"
    yield f"  reason      {standing(state, device_of(device), now)}"
    yield f"  floor       {state.floor}"
    seen = state.seen
    if seen is None:
        yield "  channel     never seen"
        return
    stale = ", which is past: nothing new is installed until it is signed again" if now > seen.good_until else ""
    dates = f"signed {_at(seen.signed_at)}, good until {_at(seen.good_until)}{stale}"
    yield f"  channel     pointer {seen.pointer.sequence}, {dates}"


def _probation(state: State, device: Enrolment) -> str:
    watched, rules = state.watched, device.probation
    requests = watched.answered + watched.failed
    seen = f"{watched.seconds:,.0f} of {rules.seconds:,.0f} s, {requests:,} of {rules.sample:,} requests"
    return f"{seen}; `slipway-edge run` or `slipway-edge serve` watches it, nothing else does"


def _installed(installed: Installed | None) -> str:
    if installed is None:
        return "nothing"
    parts = [f"release {installed.release.number}, bundle {installed.release.bundle[:SHORT]}"]
    if installed.variant is not None:
        parts.append(f"{installed.variant} on {installed.provider}")
    if installed.proven:
        parts.append(f"proven with {installed.p95_ms:.2f} ms (p95) and {installed.memory_mb:.0f} MB")
    if installed.detail:
        parts.append(installed.detail)
    return ", ".join(parts)


def why_lines(state: State, device: Enrolment, clock: datetime) -> Iterator[str]:
    """Its reasons, the latest last, and the releases that are not tried again."""
    yield f"{state.model}: {state.phase.value}, {_installed(state.active)}"
    if not state.told:
        yield "  nothing was done or refused yet"
    for told in state.told:
        yield f"  {_at(told.at)}  {told.what}: {told.why}"
    for bad in state.bad:
        how = "was left by an operator" if bad.asked else f"failed in {bad.phase.value}"
        yield f"  not tried again: release {bad.number}, bundle {bad.bundle[:SHORT]}, which {how}"
    yield f"  now  {standing(state, device_of(device), device_time(clock, device.enrolled_at, state))}"


def why_json(state: State, device: Enrolment, clock: datetime) -> Mapping[str, Any]:
    """The same for scripts."""
    return {
        "reason": standing(state, device_of(device), device_time(clock, device.enrolled_at, state)),
        "phase": state.phase.value,
        "told": [one.model_dump(mode="json") for one in state.told],
        "bad": [one.model_dump(mode="json") for one in state.bad],
    }


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
