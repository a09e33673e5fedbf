"""What comes next for one model: a pure function from what the journal holds and what can be seen.

    idle -> fetch -> verify -> build -> prove -> [shadow] -> [ready] -> activate -> probation -> settled | reverted

The rules are asked in their order and the first that has an answer decides: a journal that cannot be written; an
operator; a release that has brought the process or the machine down too often; that something answers at all; a look at
the channel that is due; what runs beside it and should not; probation; what comes; what is wanted. An effect that was
cut off is decided again from the same state, so each can be done twice.

Here is no clock, no disk, no network and no chance. `settling` says what came of an effect.
"""

from collections.abc import Callable, Sequence
from typing import Final

from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.changes import (
    NO_ENDS,
    PROVEN,
    begun,
    changed,
    dropped,
    recovered,
    rejected,
    returned,
    undone,
    way_back,
)
from slipway.serving.edge.agent.effects import (
    Activate,
    Become,
    Build,
    Effect,
    Fetch,
    LookAtChannel,
    Observe,
    Prove,
    Request,
    Rest,
    Shadow,
    Unshadow,
    Verify,
    View,
)
from slipway.serving.edge.agent.refusing import refused
from slipway.serving.edge.agent.settling import settle
from slipway.serving.edge.agent.starting import too_many_ends
from slipway.serving.edge.agent.state import Installed, Phase, State

__all__ = ["decide", "settle"]


def decide(state: State, view: View) -> Effect:
    """The next effect."""
    for rule in _RULES:
        effect = rule(state, view)
        if effect is not None:
            return effect
    return Rest(view.wait or None)


def _unwritten(state: State, view: View) -> Effect | None:
    """While the journal cannot be written nothing is begun; that something answers asks for no journal."""
    if view.journal_wait <= 0:
        return None
    return _answering(state, view) or Rest(view.journal_wait)


def _operator(state: State, view: View) -> Effect | None:
    """A request is carried out once, whatever else there is to do."""
    request = view.request
    if request is None or request.id == state.answered:
        return None
    does = {"revert": _revert, "again": _again}[request.what]
    return Become(does(state, view, request).model_copy(update={"answered": request.id}))


def _revert(state: State, view: View, request: Request) -> State:
    back = way_back(state)
    if back is None:
        return state.tell(view.now, "revert refused", f"{request.by} asked ({request.why}). {_no_way_back(state)}")
    return returned(state, back, view.now, f"{request.by} asked: {request.why}", bad=True, asked=True)


def _no_way_back(state: State) -> str:
    if state.before is None:
        return "The other slot holds no release that was proven here."
    return f"The release {state.before.release.number} is below the floor {state.floor}, or failed here."


def _again(state: State, view: View, request: Request) -> State:
    """Forget what failed, so that it may be tried once more."""
    kept = tuple(one for one in state.bad if request.number not in {None, one.number})
    gone = ", ".join(str(one.number) for one in state.bad if one not in kept) or "none"
    told = state.tell(view.now, "again", f"{request.by} asked ({request.why}); may be tried again: {gone}.")
    return told.model_copy(update={"bad": kept})


def _crashing(state: State, view: View) -> Effect | None:
    """A release under which the process ends again and again is left, before it is loaded once more."""
    why = too_many_ends(state, view.rules)
    if why is None:
        return None
    if state.phase is Phase.PROBATION:
        return Become(undone(state, view.now, why))
    if state.coming is not None:
        return Become(rejected(state, view.now, why))
    return Become(changed(state, **NO_ENDS))


def _answering(state: State, view: View) -> Effect | None:
    """Something answers before anything else is done; after a start that is what answered before it."""
    if state.active is None or view.running == state.active:
        return None
    if state.phase is Phase.ACTIVATE and view.running is not None and view.running == state.coming:
        return None
    return None if view.wait > 0 else Activate(state.active)


def _looking(_: State, view: View) -> Effect | None:
    return LookAtChannel() if view.look_due else None


def _unshadowing(state: State, view: View) -> Effect | None:
    """What runs beside is ended before anything else is done with what comes."""
    if view.shadowing is None or view.wait > 0 or _shadow(state, view) is not None:
        return None
    return Unshadow()


def _shadow(state: State, view: View) -> Shadow | None:
    """What should run beside what answers by now."""
    coming, active, beside = state.coming, state.active, view.beside
    if state.phase is not Phase.SHADOW or coming is None or active is None or view.running != active:
        return None
    if beside is None or beside.release != coming.release or beside.frames <= 0:
        return None
    return Shadow(coming, beside.frames, active)


def _tried(state: State, view: View) -> Release | None:
    """What a shadow wave has for this device, where nothing else is wanted and nothing speaks against it."""
    beside, active = view.beside, state.active
    if beside is None or active is None or beside.release == active.release:
        return None
    if not beside.begins and not (state.phase is Phase.SHADOW and state.coming and state.coming.proven):
        return None
    goal, _ = _goal(state, view)
    if goal != active.release or refused(beside.release, state, view.device, view.now) is not None:
        return None
    return beside.release


def _probation(state: State, view: View) -> Effect | None:
    """The active release is watched; only the way back, or to an older one, does not wait for the end of that."""
    if state.phase is not Phase.PROBATION or state.active is None:
        return None
    goal, _ = _goal(state, view)
    if goal is not None and goal.number < state.active.release.number:
        return None
    wait = max(view.observe_in, view.wait)
    return Observe(state.active) if wait <= 0 and view.running == state.active else Rest(wait)


def _coming(state: State, view: View) -> Effect | None:
    """What comes takes its next step, as long as it is what should run and nothing speaks against it."""
    coming = state.coming
    if coming is None:
        return None
    if not state.recovering:
        goal, reasons = _goal(state, view)
        if goal != coming.release and coming.release != _tried(state, view):
            return Become(dropped(state, view.now, " ".join(reasons) or "The channel wants something else by now."))
    if view.wait > 0:
        return Rest(view.wait)
    if state.phase in PROVEN:
        return _proven(state, view, coming)
    return _STEPS[state.phase](coming)


def _proven(state: State, view: View, coming: Installed) -> Effect:
    """What is proven runs beside what answers, or becomes active when models may be exchanged."""
    if not state.recovering and _goal(state, view)[0] != coming.release:
        phase = Phase.SHADOW
    else:
        phase = Phase.READY if _held_back(state, view, coming) else Phase.ACTIVATE
    if phase is not state.phase:
        return Become(changed(state, phase=phase, tries=0))
    if phase is Phase.ACTIVATE:
        return Activate(coming)
    if phase is Phase.READY:
        return Rest(view.swap_in)
    shadow = _shadow(state, view)
    return Rest() if shadow is None or shadow == view.shadowing else shadow


def _held_back(state: State, view: View, coming: Installed) -> bool:
    """The first model waits for no moment, nor does a way back, nor what takes the place of one that failed here."""
    active = state.active
    if view.swap_in <= 0 or active is None or state.recovering:
        return False
    return coming.release.number > active.release.number and state.is_bad(active.release) is None


def _wanted(state: State, view: View) -> Effect | None:
    """Begin with what should run, or come back to what is still whole in the other slot."""
    if state.active is None and (back := way_back(state)) is not None:
        return Become(recovered(state, back, view.now))
    goal, reasons = _goal(state, view)
    told = state
    for reason in reasons:
        told = told.tell(view.now, "refused", reason)
    if told != state:
        return Become(told)
    if goal is None:
        return None
    if state.active is not None and goal == state.active.release:
        if state.phase not in {Phase.SETTLED, Phase.REVERTED}:
            return Become(state.model_copy(update={"phase": Phase.SETTLED}))
        tried = _tried(state, view)
        return None if tried is None else Become(begun(state, tried, view.now))
    return Become(begun(state, goal, view.now))


def _goal(state: State, view: View) -> tuple[Release | None, Sequence[str]]:
    """The most wanted release that is not refused, and why those before it are; what answers already is not refused."""
    reasons: list[str] = []
    for release in view.wanted:
        answers = state.active is not None and release == state.active.release
        if answers and state.is_bad(release) is None:
            return release, reasons
        reason = refused(release, state, view.device, view.now)
        if reason is None:
            return release, reasons
        reasons.append(f"Release {release.number}: {reason}")
    return None, reasons


_RULES: Final[Sequence[Callable[[State, View], Effect | None]]] = (
    _unwritten,
    _operator,
    _crashing,
    _answering,
    _looking,
    _unshadowing,
    _probation,
    _coming,
    _wanted,
)
_STEPS: Final[dict[Phase, Callable[[Installed], Effect]]] = {
    Phase.FETCH: Fetch,
    Phase.VERIFY: Verify,
    Phase.BUILD: Build,
    Phase.PROVE: Prove,
}
