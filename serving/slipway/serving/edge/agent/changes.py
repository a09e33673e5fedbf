"""The changes of a state that more than one reason has: to begin, to leave, to reject and to go back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.refusing import below_floor
from slipway.serving.edge.agent.slots import free_slot
from slipway.serving.edge.agent.state import Bad, Installed, Phase, State, Watched, plain

MOST_BAD = 50
PROVEN: Final = {Phase.SHADOW, Phase.READY, Phase.ACTIVATE}
"""Phases of what has shown here that it works."""
NO_ENDS: Final[Mapping[str, int]] = {"crashes": 0, "reboots": 0}
"""Of the process, as far as they are counted for a release."""


def changed(state: State, **parts: Any) -> State:  # noqa: ANN401 - fields of a state
    """The same with some fields other."""
    return state.model_copy(update=parts)


def way_back(state: State) -> Installed | None:
    """What could answer instead of the active release: proven here, whole in the other slot, and still allowed."""
    before = state.before
    if before is None or below_floor(before.release, state) or state.is_bad(before.release):
        return None
    return before


def begun(state: State, release: Release, now: datetime) -> State:
    """On the way to a release. What is whole in the other slot needs no fetching, whatever the network does."""
    back = way_back(state)
    if back is not None and back.release == release:
        told = state.tell(now, "begun", f"Release {release.number} is still here, proven; it becomes active again.")
        return changed(told, coming=back, before=None, phase=Phase.ACTIVATE, tries=0, recovering=False, **NO_ENDS)
    coming = Installed(slot=free_slot(state), release=release)
    before = state.before if state.before and state.before.slot != coming.slot else None
    told = state.tell(now, "begun", f"Release {release.number} is wanted.")
    return changed(told, coming=coming, before=before, phase=Phase.FETCH, tries=0, recovering=False, **NO_ENDS)


def recovered(state: State, installed: Installed, now: datetime) -> State:
    """On the way to what was active here once, from the files that are here: it is verified, built and proven anew."""
    release = installed.release
    told = state.tell(now, "recovering", f"Nothing answers; release {release.number} was proven here before.")
    coming = Installed(slot=installed.slot, release=release)
    before = None if state.before == installed else state.before
    return changed(told, coming=coming, before=before, phase=Phase.VERIFY, tries=0, recovering=True, **NO_ENDS)


def dropped(state: State, now: datetime, why: str) -> State:
    """Without what was coming. Its files stay until the slot is needed, and save fetching them again."""
    number = state.coming.release.number if state.coming else 0
    told = state.tell(now, "left", f"Release {number} is not gone on with. {why}")
    before = state.before
    if state.phase in PROVEN and state.coming is not None and state.coming.activated:
        before = state.coming  # it is whole and has answered here, so it goes on being a way back
    return changed(told, coming=None, before=before, recovering=False, phase=resting(state), tries=0, **NO_ENDS)


def rejected(state: State, now: datetime, why: str) -> State:
    """Without what was coming, and never with it again."""
    if state.coming is None:
        return state
    release = state.coming.release
    told = state.tell(now, "failed", f"Release {release.number}, in {state.phase.value}: {why}")
    marked = with_bad(told, release, why, now)
    return changed(marked, coming=None, recovering=False, phase=resting(state), tries=0, **NO_ENDS)


def resting(state: State) -> Phase:
    """The phase of a model for which nothing comes."""
    return Phase.SETTLED if state.active else Phase.IDLE


def undone(state: State, now: datetime, why: str) -> State:
    """Back from a release that failed after it became active; without a way back it goes on, and that is told."""
    back = way_back(state)
    if back is not None:
        return returned(state, back, now, why, bad=True)
    if state.active is None:
        return state
    number = state.active.release.number
    told = state.tell(now, "failing", f"Release {number}: {why} There is nothing to go back to, so it goes on.")
    marked = with_bad(told, state.active.release, why, now)
    return changed(marked, phase=Phase.SETTLED, watched=Watched(), **NO_ENDS)


def returned(state: State, back: Installed, now: datetime, why: str, *, bad: bool, asked: bool = False) -> State:
    """Back to what answered before."""
    left = state.active
    after = state
    if left is not None:
        after = after.tell(now, "reverted", f"From release {left.release.number} to {back.release.number}: {why}")
        after = with_bad(after, left.release, why, now, asked=asked) if bad else after
    return changed(
        after,
        active=back,
        before=None,
        coming=None,
        recovering=False,
        phase=Phase.REVERTED,
        tries=0,
        watched=Watched(),
        **NO_ENDS,
    )


def with_bad(state: State, release: Release, why: str, now: datetime, *, asked: bool = False) -> State:
    """Remember that a release is no good here."""
    bad = Bad(number=release.number, bundle=release.bundle, phase=state.phase, why=plain(why), at=now, asked=asked)
    others = tuple(one for one in state.bad if (one.number, one.bundle) != (release.number, release.bundle))
    return changed(state, bad=(*others, bad)[-MOST_BAD:])
