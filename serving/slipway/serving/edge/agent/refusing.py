"""Why a release is not installed here: checks that are pure functions, each of which says its reason or nothing.

What signatures, digests and expiries of metadata have to say was said before, by the channel's client; the files of a
bundle are held against the manifest by `bundle.verifying`. Here stands what a device asks of a release beside that.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from slipway.serving.bundle.manifest import DeviceClass, Manifest
from slipway.serving.channel.looking import Look
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.effects import Device
from slipway.serving.edge.agent.ports import Proof
from slipway.serving.edge.agent.state import Bad, Installed, Seen, State

MEGABYTE: Final = 1_000_000


def look_refused(state: State, look: Look) -> str | None:
    """Why nothing of a look is believed: it is of another model, older than what was seen, or not whole."""
    pointer = look.pointer
    if pointer.model != state.model:
        return f"The pointer is that of {pointer.model}."
    if pointer.sequence < highest(state, look):
        return f"The pointer has the sequence {pointer.sequence}, and {state.sequence} was seen: it is an old one."
    for named, release in ((pointer.base, look.base), (pointer.target, look.target)):
        if named and (release is None or (release.number, release.bundle) != (named.number, named.bundle)):
            return f"The pointer names the release {named.number}, of which the channel says nothing or something else."
    for release in filter(None, (look.base, look.target)):
        if release.model != state.model:
            return f"The release {release.number} is one of {release.model}."
    return None


def highest(state: State, look: Look) -> int:
    """The highest sequence that was seen, as long as a key that vouched for it still counts.

    Else a thief of the rollout key could sign one so high that every honest pointer after it is refused.
    """
    return state.sequence if not state.vouchers or look.keys & set(state.vouchers) else 0


def refused(release: Release, state: State, device: Device, now: datetime) -> str | None:
    """Why a release is not begun with, and why one that was begun with is left."""
    return next(_refusals(release, state, device, now), None)


def _refusals(release: Release, state: State, device: Device, now: datetime) -> Iterator[str]:
    if release.model != state.model:
        yield f"It is a release of {release.model}."
    if below_floor(release, state):
        yield f"It is below the floor: devices that have seen the floor {state.floor} run nothing older."
    if (bad := state.is_bad(release)) is not None:
        yield bad_here(bad)
    if (seen := state.seen) is not None and now > seen.good_until:
        yield f"What the channel signed was good until {seen.good_until:%Y-%m-%d %H:%M} UTC, and it is {now:%Y-%m-%d}."
    yield from _agent_too_old(release, state.seen, device)


def bad_here(bad: Bad) -> str:
    """Why a release is not tried again: it failed, or an operator left it."""
    if bad.asked:
        return f"It was left here on {bad.at:%Y-%m-%d %H:%M} UTC: {bad.why}"
    return f"It failed here on {bad.at:%Y-%m-%d %H:%M} UTC, in {bad.phase.value}: {bad.why}"


def below_floor(release: Release, state: State) -> bool:
    """Whether devices that saw what this one has seen may not run it any more."""
    return release.number < state.floor


def _agent_too_old(release: Release, seen: Seen | None, device: Device) -> Iterator[str]:
    asked = {f"The release {release.number}": release.minimum_agent}
    if seen is not None:
        asked["The channel"] = seen.pointer.minimum_agent
    for who, least in asked.items():
        if _version(device.agent) < _version(least):
            yield f"{who} asks for an agent of {least} or newer; this is {device.agent}."


def _version(text: str) -> tuple[int, ...]:
    """The numbers of a version; what follows them, as in `0.1.0.dev3`, counts for nothing."""
    numbers: list[int] = []
    for part in text.split("."):
        if not part.isascii() or not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)


def manifest_refused(manifest: Manifest, release: Release, device: Device) -> str | None:
    """Why a bundle is not for this device, before anything of it is fetched."""
    if manifest.digest != release.bundle:
        return f"The manifest is that of the bundle {manifest.digest}; the release names {release.bundle}."
    if manifest.model != release.model:
        return f"The bundle is one of {manifest.model}."
    budget = manifest.devices.get(device.device_class)
    if budget is None:
        known = ", ".join(sorted(manifest.devices))
        return f"The bundle is not made for the device class {device.device_class}; it is for {known}."
    for variant in budget.variants:
        part = manifest.variants.get(variant)
        if part is None or part.file not in manifest.files:
            return f"The device class {device.device_class} asks for the variant {variant}, which is not there."
    preferred = manifest.variants[budget.variants[0]].file
    if (size := manifest.files[preferred].size / MEGABYTE) > budget.size_mb:
        return f"{preferred} has {size:.2f} MB; a device of this class has room for {budget.size_mb:g} MB."
    return None


def proof_refused(proof: Proof, budget: DeviceClass) -> str | None:
    """Why what a release did on this device does not let it become active, apart from its latency."""
    if proof.problems:
        more = f" (and {len(proof.problems) - 1} more)" if len(proof.problems) > 1 else ""
        return f"{proof.problems[0]}{more}"
    if fell(proof.provider, budget):
        return f"It ran on the processor; the device class is one with {budget.runtime}."
    if not all(map(math.isfinite, (proof.p95_ms, proof.memory_mb))):
        return "Its latency or its memory could not be measured."
    if proof.memory_mb > budget.memory_mb:
        return f"It took {proof.memory_mb:.0f} MB of memory; {budget.memory_mb:g} MB are allowed."
    return None


def no_room(coming: Installed, active: Installed, budget: DeviceClass) -> str | None:
    """Why a release does not run beside what answers: the two may take what the class allows, as they were proven."""
    if coming.memory_mb + active.memory_mb > budget.memory_mb:
        return (
            f"Release {coming.release.number} takes {coming.memory_mb:.0f} MB of memory and release "
            f"{active.release.number}, which answers, {active.memory_mb:.0f} MB; {budget.memory_mb:g} MB are allowed."
        )
    return None


def too_slow(proof: Proof, budget: DeviceClass) -> str | None:
    """Why its latency does not do; a device that was busy may be quicker another time."""
    if proof.p95_ms > budget.latency_ms:
        return f"It took {proof.p95_ms:.2f} ms (p95); {budget.latency_ms:g} ms are allowed."
    return None


def fell(provider: str, budget: DeviceClass) -> bool:
    """Whether a device with an accelerator runs on its processor."""
    return budget.runtime != "cpu" and provider == "cpu"
