"""What an entry about a rollout says, and what speaks against it at its place.

The same rules decide whether an entry counts, when the ledger is folded, and whether a command writes it: `against`
names what is wrong, with what to do about it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from slipway.platform.ledger.entry import Action, Decision, Written
from slipway.platform.registry.decisions import BUNDLE, FINISH, RELEASE, VERDICT, VERSION
from slipway.platform.registry.standing import ModelStanding, VersionStanding
from slipway.serving.channel.pointer import Sampling, Wave
from slipway.serving.release.plan import Plan
from slipway.serving.release.rollouts import NO_MINIMUM, Released, Rollout

BASE: Final = "base"
"""Number of the release that it takes the place of, or that devices go back to; not there where there is none."""
FLOOR: Final = "floor"
WAVE: Final = "wave"
PLAN: Final = "plan"
"""By which a release goes to all devices; not there where a person leads it by hand."""
SAMPLING: Final = "sampling"
DIGITS: Final = 18
MINIMUM_AGENT: Final = "minimum_agent"


@dataclass(frozen=True)
class Against:
    """Something that speaks against an entry."""

    why: str
    """Without a full stop: it stands behind `because` and `void:`, too."""
    mend: str


class Unreadable(ValueError):
    """An entry that says nothing that a rollout could follow."""


def number_in(decision: Decision, subject: str) -> int | None:
    """The number that a decision names, if it is one."""
    text = decision.subjects.get(subject, "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= DIGITS else None


def wave_in(decision: Decision) -> Wave:
    """The wave that it names."""
    try:
        return Wave.model_validate(decision.details.get(WAVE))
    except ValidationError as error:
        raise Unreadable(f"its wave cannot be read ({error.errors()[0]['msg']})") from None


def plan_in(decision: Decision, wave: Wave) -> Plan | None:
    """The plan that it begins; its first wave is the release's."""
    if PLAN not in decision.details:
        return None
    try:
        plan = Plan.model_validate(decision.details[PLAN])
    except ValidationError as error:
        raise Unreadable(f"its plan cannot be read ({error.errors()[0]['msg']})") from None
    if plan.position(wave) != 0:
        raise Unreadable("its wave is not the first one of its plan")
    return plan


def sampling_in(decision: Decision) -> Sampling:
    """Which pictures devices are to keep."""
    try:
        return Sampling.model_validate(decision.details.get(SAMPLING))
    except ValidationError as error:
        raise Unreadable(f"what it asks for cannot be read ({error.errors()[0]['msg']})") from None


def finishes(decision: Decision) -> bool:
    """Whether an advance is the last one."""
    return decision.details.get(FINISH) is True


def release_in(written: Written) -> Released:
    """The release that an entry begins with."""
    decision = written.entry.decision
    number, floor = number_in(decision, RELEASE), number_in(decision, FLOOR)
    if not number or floor is None:
        raise Unreadable("it names no number of a release, or no floor")
    wave = wave_in(decision)
    released = Released(
        model=decision.model,
        number=number,
        bundle=decision.subjects.get(BUNDLE, ""),
        version=decision.subjects.get(VERSION, ""),
        base=number_in(decision, BASE),
        floor=floor,
        minimum_agent=decision.details.get(MINIMUM_AGENT, NO_MINIMUM),
        wave=wave,
        written=written,
        plan=plan_in(decision, wave),
    )
    try:
        released.signed  # noqa: B018 - it is made to be refused here
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        raise Unreadable(f"{'.'.join(map(str, detail['loc'])) or 'it'}: {detail['msg']}") from None
    return released


def target_of(rollout: Rollout) -> Released:
    """What is on its way, where something is."""
    if rollout.target is None:
        raise Unreadable("nothing is on its way")
    return rollout.target


def against_release(rollout: Rollout, standing: ModelStanding, written: Written) -> Iterator[Against]:
    """Everything that speaks against this release at this place."""
    try:
        given = release_in(written)
    except Unreadable as error:
        yield Against(str(error), "`slipway rollout start` writes such entries.")
        return
    again = f"Look at `slipway rollout status {rollout.model}`, and start again if it is still wanted."
    base = rollout.base
    if frozen := against_frozen(rollout, written.entry.at):
        yield frozen
    if given.number <= max(rollout.releases, default=0):
        yield Against(f"the number {given.number} was taken by then", again)
    if given.number > rollout.number_limit:
        yield Against(f"the number {given.number} is far above {rollout.next_number}, which was the next one", again)
    if given.base != rollout.base_number or given.floor != (given.base or 0):
        told = f"release {base.number}" if base else "none"
        named = f"release {given.base}" if given.base else "none"
        yield Against(f"it was to replace {named} with the floor {given.floor}, and the base was {told} by then", again)
    version = standing.versions.get(given.bundle)
    if version is not None and version.number != given.version:
        yield Against(f"bundle {given.bundle[:12]} is version {version.number}, not {given.version or 'none'}", again)
    yield from against_bundle(rollout, standing, given.bundle)


def against_bundle(rollout: Rollout, standing: ModelStanding, bundle: str) -> Iterator[Against]:
    """What speaks against releasing a bundle now."""
    model, base, target = rollout.model, rollout.base, rollout.target
    for there in filter(None, (target, base)):
        if there.bundle == bundle:
            yield Against(f"version {there.version} is release {there.number} already", "It needs no other one.")
            return
    if target is not None and base is not None:
        yield Against(
            f"the rollout of release {target.number} (version {target.version}) is not finished",
            f"`slipway rollout advance {model} --finish`, or `slipway rollout undo {model} --reason …`.",
        )
    version = standing.versions.get(bundle)
    if version is None or standing.champion != bundle:
        named = f"version {version.number}" if version else f"bundle {bundle[:12]}"
        promote = f"`slipway model promote {model}/{version.number}`" if version else f"`slipway model list {model}`"
        yield Against(f"{named} is not champion", f"Only the champion is released: {promote}.")
    else:
        yield from against_version(rollout, version)


def against_version(rollout: Rollout, version: VersionStanding) -> Iterator[Against]:
    """What speaks against a champion: rejected since, without its approvals, or taken out of the field before."""
    name = f"{rollout.model}/{version.number}"
    last = version.promotions[-1].entry
    since = [one for one in version.rejections if one.entry.number > last.number]
    if since:
        yield Against(
            f"version {version.number} was rejected by {since[-1].speaker} since it became champion",
            f"`{since[-1].speaker}` approves it, or `slipway rollback {rollout.model} --reason …`.",
        )
    approvers = version.approvers(last.decision.subjects.get(VERDICT, ""))
    needed = 0 if last.decision.action is Action.OVERRIDE else version.needed
    if len(approvers) < needed:
        yield Against(
            f"version {version.number} has {len(approvers)} of {needed} approvals on the verdict that made it champion",
            f"`slipway model approve {name}`, by somebody who may.",
        )
    if version.bundle in rollout.taken_out and not needed and not approvers:
        entry = rollout.taken_out[version.bundle].entry.number
        yield Against(
            f"version {version.number} was quarantined by entry {entry}, and nobody has approved it since",
            "An override does not bring it back to devices: roll it back, approve it anew, and promote it.",
        )


def against_frozen(rollout: Rollout, at: datetime) -> Against | None:
    """What speaks against beginning anything, or going on with it, at that moment."""
    frozen = rollout.frozen_at(at)
    if frozen is None:
        return None
    scope = frozen.written.entry.decision.model
    lift = f"`slipway freeze{f' {scope}' if scope else ''} --lift --reason …` lifts it."
    return Against(frozen.why, f"Wait until then; {lift} Pausing, undoing and pins stay possible.")


def against_move(rollout: Rollout, decision: Decision, at: datetime) -> Against | None:
    """What speaks against an advance, an approval of the last one, a pause, a resumption or a policy of samples.

    It stands, or would stand, at the place of this moment.
    """
    if decision.action is Action.SAMPLE:
        return _against_reading(decision)
    model, target = rollout.model, rollout.target
    look = f"`slipway rollout status {model}` shows where it stands."
    if target is None:
        return Against(f"nothing of {model} is on its way", look)
    if number_in(decision, RELEASE) != target.number:
        return Against(f"release {target.number} is on its way, not {decision.subjects.get(RELEASE, 'this one')}", look)
    if decision.action is not Action.PAUSE and rollout.is_quarantined(target):
        forward = f"Promote another version, and `slipway rollout start {model}`."
        return Against(f"release {target.number} is quarantined", forward)
    if decision.action in {Action.ADVANCE, Action.RESUME} and (found := against_frozen(rollout, at)):
        return found
    if decision.action is Action.AGREE:
        return _against_agreeing(rollout, target, decision.actor)
    return _against_pace(rollout, decision, f"release {target.number} was")


def _against_pace(rollout: Rollout, decision: Decision, it_was: str) -> Against | None:
    """What speaks against it where the release is the one that is on its way."""
    model, resume = rollout.model, f"`slipway rollout resume {rollout.model}`"
    match decision.action:
        case Action.PAUSE if rollout.paused:
            return Against(f"{it_was} paused already", f"{resume} lets it go on.")
        case Action.RESUME if not rollout.paused:
            return Against(f"{it_was} not paused", f"`slipway rollout status {model}` shows where it stands.")
        case Action.ADVANCE if rollout.paused:
            return Against(f"{it_was} paused", f"{resume}, then advance.")
        case Action.ADVANCE:
            return _against_reading(decision) or _against_last_step(rollout, decision)
    return None


def _against_last_step(rollout: Rollout, decision: Decision) -> Against | None:
    """Approvals that the plan asks for, and that are not there."""
    plan = target_of(rollout).plan
    if plan is None or not (finishes(decision) or plan.is_last_step(wave_in(decision))):
        return None
    given = len(rollout.agreed)
    if given >= plan.approvals:
        return None
    return Against(
        f"the last step had {given} of the {plan.approvals} approvals that the plan asks for",
        f"`slipway rollout approve {rollout.model}`, by somebody who is approver.",
    )


def _against_agreeing(rollout: Rollout, target: Released, actor: str) -> Against | None:
    if target.plan is None or not target.plan.approvals:
        return Against(
            f"release {target.number} goes by no plan that asks for approvals",
            f"`slipway rollout status {rollout.model}` shows by what it goes.",
        )
    if actor == target.written.signer:
        return Against(
            f"the rollout of release {target.number} was begun by {actor}", "Somebody else approves its last step."
        )
    if any(one.signer == actor for one in rollout.agreed):
        return Against(f"its last step is approved by {actor} already", "Once is enough.")
    return None


def _against_reading(decision: Decision) -> Against | None:
    """Why it says nothing that devices could be told."""
    try:
        if decision.action is Action.SAMPLE:
            sampling_in(decision)
        elif not finishes(decision):
            wave_in(decision)
    except Unreadable as error:
        return Against(str(error), f"`slipway rollout {decision.action} {decision.model}` writes such entries.")
    return None
