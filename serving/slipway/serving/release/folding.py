"""From the ledger's entries to where a model's rollout stands: a pure fold.

The entries alone decide. One that does not fit its place is void and changes nothing, whoever wrote it and however the
writers raced: a release whose number is taken, whose base is not the base, or whose bundle was not champion by then;
a pause of what is over, an advance of what is paused. `void` tells each with the reason; the rules are in `rules`.

Who is champion is `registry.standing`'s, which this rests on. A rollback that counts there takes what it quarantines
out of the field: a target gives way to the base, a base to the release before it. Where there is none to go back to,
what is on its way stays paused.

A freeze of all models is an entry that names none, and part of every model's fold.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.ledger.entry import EVERY_MODEL, Action, Written
from slipway.platform.registry.decisions import RELEASE, REPLACES, UNDOES
from slipway.platform.registry.standing import PROMOTIONS, Fold, ModelStanding, Void
from slipway.serving.channel.pointer import Wave
from slipway.serving.release import rules, wording
from slipway.serving.release.holding import HOLDS, against_hold, held, loosened
from slipway.serving.release.rollouts import Rollout, Step

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk

ROLLOUT_ACTIONS: Final = frozenset(
    {Action.RELEASE, Action.ADVANCE, Action.AGREE, Action.PAUSE, Action.RESUME, Action.SAMPLE, *HOLDS}
)


def folded(model: str, entries: Iterable[Written]) -> tuple[Rollout, ModelStanding]:
    """Where rollout and versions of a model stand after these entries, which are given in their order."""
    registry, rollout, reached = Fold(model), Rollout(model), 0
    for written in entries:
        decision = written.entry.decision
        if decision.model != model and (decision.model, decision.action) != (EVERY_MODEL, Action.FREEZE):
            continue
        reached = written.entry.number
        void = registry.add(written)
        if decision.action in ROLLOUT_ACTIONS:
            rollout = _placed(rollout, registry, written)
        elif void is None and decision.action in {*PROMOTIONS, Action.ROLLBACK}:
            rollout = replace(rollout, last=written)
            if decision.action is Action.ROLLBACK:
                rollout = _taken_back(rollout, written)
    return replace(rollout, reached=reached), registry.result()


def load_rollout(desk: "Desk", model: str) -> tuple[Rollout, ModelStanding]:
    """Where the rollout stands by the store's ledger."""
    return folded(model, desk.ledger.entries())


def load_rollouts(desk: "Desk") -> dict[str, tuple[Rollout, ModelStanding]]:
    """Of all models that were ever released, by one reading of the ledger."""
    entries = tuple(desk.ledger.entries())
    models = {one.entry.decision.model for one in entries if one.entry.decision.action is Action.RELEASE}
    return {model: folded(model, entries) for model in sorted(models)}


def known_rollout(desk: "Desk", given: str) -> tuple[Rollout, ModelStanding]:
    """The same of a model that somebody names; one without versions is not known."""
    from slipway.platform.registry.finding import model_of, standing_named, whole

    model = model_of(given)
    if not whole(given):
        raise WrongUse(f"`{given}` names a version; a rollout is a model's.", mend=f"Write `{model}`.")
    standing_named(desk, model)
    return load_rollout(desk, model)


def _placed(rollout: Rollout, registry: Fold, written: Written) -> Rollout:
    """What is decided about a rollout alone."""
    decision, at = written.entry.decision, written.entry.at
    if decision.action is Action.RELEASE:
        against = next(rules.against_release(rollout, registry.result(), written), None)
    elif decision.action in HOLDS:
        against = against_hold(rollout, decision, at)
    else:
        against = rules.against_move(rollout, decision, at)
    if against is not None:
        return replace(rollout, void=(*rollout.void, Void(written, against.why)))
    match decision.action:
        case Action.RELEASE:
            return _begun(rollout, written)
        case Action.ADVANCE:
            return _advanced(rollout, written)
        case Action.SAMPLE:
            sampling = rules.sampling_in(decision)
            step = Step(written, None, wording.sampling(sampling))
            return replace(rollout, sampling=sampling, sampled=written, steps=(*rollout.steps, step))
        case Action.PIN | Action.FREEZE:
            step = Step(written, rules.number_in(decision, RELEASE), wording.hold(decision))
            return replace(held(rollout, written), steps=(*rollout.steps, step))
        case Action.AGREE:
            return _stepped(replace(rollout, agreed=(*rollout.agreed, written)), written, wording.AGREED)
        case Action.PAUSE:
            return _stepped(replace(rollout, paused=written), written, wording.PAUSED)
        case _:
            return _stepped(replace(rollout, paused=None), written, wording.RESUMED)


def _begun(rollout: Rollout, written: Written) -> Rollout:
    released = rules.release_in(written)
    begun = replace(
        rollout,
        releases={**rollout.releases, released.number: released},
        target_number=released.number,
        wave=released.wave,
        paused=None,
        agreed=(),
        last=written,
    )
    return _stepped(loosened(begun), written, wording.begun(released))


def _advanced(rollout: Rollout, written: Written) -> Rollout:
    target = rules.target_of(rollout)
    if not rules.finishes(written.entry.decision):
        wave = rules.wave_in(written.entry.decision).model_copy(update={"seed": target.wave.seed})
        return _stepped(replace(rollout, wave=wave, last=written), written, wording.wave(wave))
    over = replace(
        _over(rollout),
        releases={**rollout.releases, target.number: replace(target, finished=written)},
        base_number=target.number,
        last=written,
    )
    return _stepped(over, written, wording.FINISHED, target.number)


def _taken_back(rollout: Rollout, written: Written) -> Rollout:
    subjects = written.entry.decision.subjects
    gone = subjects.get(UNDOES, subjects.get(REPLACES, ""))
    rollout = loosened(replace(rollout, taken_out={**rollout.taken_out, gone: written}))
    release = rollout.target if rollout.target and rollout.target.bundle == gone else rollout.base
    if release is None or release.bundle != gone:
        return rollout
    back = rollout.earlier(release.number)
    if back is None:  # devices keep what they have; nobody else begins with it
        paused = written if release is rollout.target else rollout.paused
        return _stepped(replace(rollout, paused=paused), written, wording.NO_WAY_BACK, release.number)
    rollout = rollout if release is rollout.base and rollout.target else _over(rollout)
    undone = replace(
        rollout,
        releases={**rollout.releases, release.number: replace(release, undone=written)},
        base_number=back.number,
    )
    return _stepped(undone, written, wording.undone(back), release.number)


def _over(rollout: Rollout) -> Rollout:
    """Nothing is on its way."""
    return replace(rollout, target_number=None, wave=Wave(), paused=None, agreed=())


def _stepped(rollout: Rollout, written: Written, what: str, release: int | None = None) -> Rollout:
    number = release if release is not None else rules.target_of(rollout).number
    return replace(rollout, steps=(*rollout.steps, Step(written, number, what)))
