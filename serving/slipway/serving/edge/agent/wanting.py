"""What this device should run, most wanted first: the one place that says so.

A device's own pin comes before its site's, and both before what the channel's pointer has for it. The machine takes
what it is given in that order, and refuses by its own rules: so a pin leads neither below the floor nor to a release
that failed here, and then what comes after it counts.

Pins and freezes end by the device's time. A clock that is behind is held up by what was signed; one that is ahead ends
them early, and no more than the channel's timestamp has left to live: further ahead everything has expired, and nothing
is begun with.
"""

from datetime import datetime

from slipway.serving.channel.pointer import Named, Pin
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.effects import Beside, Device
from slipway.serving.edge.agent.state import Seen, State


def wanted(state: State, device: Device, now: datetime) -> tuple[Release, ...]:
    """The release that this device should run, and those that follow when that one is refused; `now` is its time.

    A device whose release the most wanted one's floor forbids goes to the base first: else that one would have no way
    back.
    """
    seen = state.seen
    if seen is None:
        return ()
    has = state.active.release.number if state.active else None
    named = [pin.release for pin in pins(seen, device, now)]
    chosen = seen.pointer.wanted(device.id, device.cohorts, has=has, now=now)
    found: list[Release] = []
    for release in (*(known(seen, one) for one in (*named, chosen)), seen.base):
        if release is not None and release not in found:
            found.append(release)
    base = seen.base
    if base is None or not found:
        return tuple(found)
    if has is not None and has < found[0].floor <= base.number and state.is_bad(base) is None:
        return (base,)
    return tuple(found)


def beside(state: State, device: Device, now: datetime) -> Beside | None:
    """What should run beside what answers; who is pinned tries nothing."""
    seen = state.seen
    if seen is None or pins(seen, device, now):
        return None
    pointer = seen.pointer
    release = known(seen, pointer.target)
    if release is None or pointer.wave.kind != "shadow" or not pointer.wave.includes(device.id, device.cohorts):
        return None
    frames = 0.0 if pointer.paused else pointer.wave.frames
    return Beside(release, frames, begins=not pointer.paused and not pointer.frozen(now))


def pins(seen: Seen, device: Device, now: datetime) -> tuple[Pin, ...]:
    """The pins of this device that have not ended, its own first."""
    return tuple(pin for pin in seen.pointer.pinned(device.id, device.site) if now < pin.until)


def known(seen: Seen, named: Named | None) -> Release | None:
    """What the release key said of it."""
    if named is None:
        return None
    releases = filter(None, (seen.target, seen.base, *seen.pinned))
    return next((one for one in releases if (one.number, one.bundle) == (named.number, named.bundle)), None)
