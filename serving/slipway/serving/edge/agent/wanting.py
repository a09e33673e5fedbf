"""What this device should run, most wanted first: the one place that says so.

Today that is the channel's pointer alone. Whatever else will have a say, such as a pin, changes this function; the
machine takes what it is given, and refuses by its own rules.
"""

from slipway.serving.channel.pointer import Named
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.effects import Device
from slipway.serving.edge.agent.state import State


def wanted(state: State, device: Device) -> tuple[Release, ...]:
    """The release that the pointer has for this device, and the base for when that one is refused.

    A device whose release the target's floor forbids goes to the base first: else the target would have no way back.
    """
    seen = state.seen
    if seen is None:
        return ()
    has = state.active.release.number if state.active else None
    chosen = _release(state, seen.pointer.wanted(device.id, device.cohorts, has=has))
    if chosen is None:
        return ()
    base = seen.base
    if base is None or chosen == base:
        return (chosen,)
    if has is not None and has < chosen.floor <= base.number and state.is_bad(base) is None:
        return (base,)
    return (chosen, base)


def _release(state: State, named: Named | None) -> Release | None:
    """What the release key said of it."""
    if state.seen is None or named is None:
        return None
    known = filter(None, (state.seen.target, state.seen.base))
    return next((one for one in known if (one.number, one.bundle) == (named.number, named.bundle)), None)
