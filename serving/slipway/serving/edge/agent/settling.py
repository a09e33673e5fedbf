"""What the state is after an effect: a pure function of the state, the effect and what came of it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from slipway.serving.channel.looking import Look
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.changes import (
    NO_ENDS,
    changed,
    recovered,
    rejected,
    resting,
    returned,
    undone,
    way_back,
)
from slipway.serving.edge.agent.effects import (
    Activate,
    Become,
    Build,
    Effect,
    Failed,
    Failing,
    Fetch,
    LookAtChannel,
    NotShadowed,
    Observe,
    Outcome,
    Prove,
    Rest,
    Shadow,
    Unshadow,
    Verify,
    View,
)
from slipway.serving.edge.agent.health import Judgement, judge, usual_of
from slipway.serving.edge.agent.ports import Observed
from slipway.serving.edge.agent.refusing import look_refused, proof_refused, too_slow
from slipway.serving.edge.agent.state import Installed, Phase, Seen, State, Watched, plain


def settle(state: State, effect: Effect, outcome: Outcome, view: View) -> State:
    """The state that the journal holds next; the same one where there is nothing to remember."""
    if isinstance(effect, Become):
        return effect.state
    if isinstance(effect, (Rest, Unshadow)):
        return state
    if isinstance(outcome, Failed):
        return _failed(state, effect, outcome, view)
    return _SETTLED[type(effect)](state, effect, outcome, view)


def _failed(state: State, effect: Effect, failed: Failed, view: View) -> State:
    if isinstance(effect, LookAtChannel):
        return state.tell(view.now, "channel", failed.why)
    if isinstance(effect, Observe):
        return state.tell(view.now, "not observed", failed.why)
    if isinstance(effect, Activate):
        return _not_activated(state, effect.installed, failed, view)
    if failed.failing is Failing.WRONG:
        return rejected(state, view.now, failed.why)
    told = state.tell(view.now, f"{state.phase.value} put off", failed.why)
    if failed.failing is Failing.DAMAGED:
        return _refetched(told)
    return told


def _refetched(state: State) -> State:
    """Files that are not what they were are fetched again; of what is only recovered there is nothing to fetch."""
    if state.recovering or state.coming is None:
        return changed(state, coming=None, recovering=False, phase=resting(state))
    anew = Installed(slot=state.coming.slot, release=state.coming.release)
    return changed(state, coming=anew, phase=Phase.FETCH)


def _not_activated(state: State, installed: Installed, failed: Failed, view: View) -> State:
    """What did not come up: another try, the way back, or building it anew."""
    if installed == state.coming:
        return _coming_not_activated(state, failed, view)
    tries = state.tries + 1
    if failed.failing is Failing.LATER and tries < view.rules.tries:
        return changed(state.tell(view.now, "activate put off", failed.why), tries=tries)
    back = way_back(state)
    if state.phase is Phase.PROBATION and back is not None:
        return undone(state, view.now, failed.why)
    told = state.tell(view.now, "not active", f"Release {installed.release.number} did not come up: {failed.why}")
    if back is not None:
        return returned(told, back, view.now, failed.why, bad=False)
    if failed.failing is Failing.DAMAGED:
        return changed(told, active=None, phase=state.phase if state.coming else Phase.IDLE, tries=0)
    return recovered(changed(told, active=None), installed, view.now)


def _coming_not_activated(state: State, failed: Failed, view: View) -> State:
    """The active release goes on. One that has answered here before is not bad for that: it begins from its files."""
    told = state.tell(view.now, "activate put off", failed.why)
    if failed.failing is Failing.LATER:
        return told
    if failed.failing is Failing.DAMAGED:
        return _refetched(told)
    if state.coming is not None and state.coming.activated:
        return changed(told, coming=None, recovering=False, phase=resting(state))
    return rejected(state, view.now, failed.why)


def _older(one: Installed, other: Installed) -> bool:
    return one.release.number < other.release.number


def _looked(state: State, _: Effect, outcome: Any, view: View) -> State:  # noqa: ANN401 - as its effect has it
    """Floor and sequence are remembered before anything is done about what was seen."""
    look = outcome.look
    if (why := look_refused(state, look)) is not None:
        return state.tell(view.now, "channel refused", why)
    pinned = _still_pinned(state, look, view)
    floors = [one.floor for one in (look.base, look.target, *pinned) if one is not None]
    seen = Seen(
        pointer=look.pointer,
        base=look.base,
        target=look.target,
        pinned=pinned,
        signed_at=look.signed_at,
        good_until=look.good_until,
    )
    return changed(
        state,
        seen=seen,
        floor=max([state.floor, *floors]),
        sequence=look.pointer.sequence,
        vouchers=tuple(sorted(look.signers)),
    )


def _still_pinned(state: State, look: Look, view: View) -> tuple[Release, ...]:
    """What pins lead to; what was known of it stays known when a look does not bring it, as from a stick without it."""
    known = (*look.pinned, *(state.seen.pinned if state.seen else ()))
    found: list[Release] = []
    for pin in look.pointer.pinned(view.device.id, view.device.site):
        named = next(
            (one for one in known if (one.number, one.bundle) == (pin.release.number, pin.release.bundle)), None
        )
        if named is not None and named.model == state.model and named not in found:
            found.append(named)
    return tuple(found)


def _fetched(state: State, _: Effect, outcome: Any, view: View) -> State:  # noqa: ANN401
    if outcome.left:
        return state
    return changed(state.tell(view.now, "fetched", _number(state)), phase=Phase.VERIFY, tries=0)


def _verified(state: State, _: Effect, __: Outcome, view: View) -> State:
    return changed(state.tell(view.now, "verified", _number(state)), phase=Phase.BUILD, tries=0)


def _built(state: State, effect: Any, outcome: Any, view: View) -> State:  # noqa: ANN401
    coming = effect.coming.model_copy(
        update={
            "variant": outcome.variant,
            "provider": outcome.provider,
            "engine": outcome.engine,
            "detail": plain(outcome.detail),
        }
    )
    told = state.tell(
        view.now, "built", f"{_number(state)} {outcome.variant} on {outcome.provider}. {outcome.detail}".strip()
    )
    return changed(told, coming=coming, phase=Phase.PROVE, tries=0)


def _proved(state: State, effect: Any, outcome: Any, view: View) -> State:  # noqa: ANN401
    """Golden answers, provider and memory decide at once; latency has some tries, as the device may be busy.

    What is recovered was quick enough once, and slow answers are better than none.
    """
    proof, budget = outcome.proof, outcome.budget
    if (why := proof_refused(proof, budget)) is not None:
        return rejected(state, view.now, why)
    if (why := too_slow(proof, budget)) is not None and not state.recovering:
        if state.tries + 1 >= view.rules.tries:
            return rejected(state, view.now, why)
        return changed(state.tell(view.now, "prove put off", why), tries=state.tries + 1)
    coming = effect.coming.model_copy(
        update={"proven": True, "provider": proof.provider, "p95_ms": proof.p95_ms, "memory_mb": proof.memory_mb}
    )
    cost = f"{proof.p95_ms:.2f} ms (p95), {proof.memory_mb:.0f} MB"
    return changed(
        state.tell(view.now, "proven", f"{_number(state)} {cost}."), coming=coming, phase=Phase.ACTIVATE, tries=0
    )


def _shadowed(state: State, effect: Any, outcome: Any, view: View) -> State:  # noqa: ANN401
    """That there is no room beside what answers is no fault of the release, which becomes active all the same."""
    if isinstance(outcome, NotShadowed):
        return state.tell(view.now, "shadow refused", outcome.why)
    told = f"{_number(state)} It sees {effect.frames:.0%} of what is answered; its answers are compared, and discarded."
    return state.tell(view.now, "shadow", told)


def _activated(state: State, effect: Any, outcome: Any, view: View) -> State:  # noqa: ANN401
    """A new release goes on probation; one that comes back was through that already, and leads no way back anew."""
    installed = effect.installed
    if installed != state.coming:
        return changed(state, tries=0) if state.tries else state
    back = state.recovering or (state.active is not None and _older(installed, state.active))
    told = state.tell(view.now, "active", _number(state))
    usual = () if back else _usual(outcome.before, view)
    return changed(
        told,
        active=installed.model_copy(update={"activated": True}),
        before=state.active or state.before,
        coming=None,
        recovering=False,
        phase=Phase.SETTLED if back else Phase.PROBATION,
        watched=Watched(),
        usual=usual or state.usual,
        tries=0,
        **NO_ENDS,
    )


def _observed(state: State, effect: Any, outcome: Any, view: View) -> State:  # noqa: ANN401
    watched = Watched(
        seconds=state.watched.seconds + outcome.seconds,
        answered=state.watched.answered + outcome.answered,
        failed=state.watched.failed + outcome.failed,
    )
    judged = judge(outcome.observed, watched, effect.active, outcome.budget, usual=dict(state.usual), rules=view.rules)
    after = changed(state, watched=watched)
    if judged.judgement is Judgement.REVERT:
        return undone(after, view.now, judged.why)
    if judged.judgement is Judgement.SETTLE:
        number = effect.active.release.number
        told = after.tell(view.now, "settled", f"Release {number}: {judged.why}")
        usual = _usual(outcome.observed, view) or state.usual
        return changed(told, phase=Phase.SETTLED, watched=Watched(), usual=usual, **NO_ENDS)
    return after


def _usual(observed: Observed | None, view: View) -> tuple[tuple[str, float], ...]:
    return () if observed is None else tuple(sorted(usual_of(observed, view.rules).items()))


def _number(state: State) -> str:
    return f"Release {state.coming.release.number}." if state.coming else ""


_SETTLED: Final[Mapping[type, Callable[[State, Any, Any, View], State]]] = {
    LookAtChannel: _looked,
    Fetch: _fetched,
    Verify: _verified,
    Build: _built,
    Prove: _proved,
    Shadow: _shadowed,
    Activate: _activated,
    Observe: _observed,
}
