"""Making a version champion, and taking that back.

First everything that speaks against it is looked for; then the ledger's entry is written, which names whom it replaces;
then MLflow's alias is made equal. Of two who promote at once both entries stand, and the fold of the ledger voids the
one that came second: it replaces somebody who is champion no more. No setting and no variable goes past this; an
override is an entry of its own, by somebody with the role, with a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.identity import NotTrusted, Role
from slipway.platform.ledger.entry import Action, Decision, Written
from slipway.platform.ledger.rights import check_right, held_roles
from slipway.platform.registry.approving import missing
from slipway.platform.registry.decisions import REPLACES, UNDOES, VERSION, About
from slipway.platform.registry.desk import Desk, Refused, fresh_nonce
from slipway.platform.registry.finding import Picked, pick
from slipway.platform.registry.proof import gate_command, standing_verdict
from slipway.platform.registry.records import agreed
from slipway.platform.registry.shown import show_version
from slipway.platform.registry.standing import ModelStanding, VersionStanding
from slipway.platform.registry.unfit import why_unasked
from slipway.platform.registry.verdict import Verdict

PROMOTE: Final = "promote"
ROLLBACK: Final = "rollback"


@dataclass(frozen=True)
class Promoted:
    """Who is champion now."""

    picked: Picked
    replaced: str | None
    """The bundle that was champion before."""
    written: Written | None
    """None where it was champion already."""


def look(desk: Desk, picked: Picked) -> tuple[Verdict | None, list[Refused]]:
    """The verdict that holds today, and everything that speaks against making it champion."""
    found: list[Refused] = []
    verdict = None
    try:
        verdict = standing_verdict(desk, picked)
    except Refused as refused:
        found.append(refused)
    version = picked.version
    for written in version.rejections:
        reason = written.entry.decision.reason
        found.append(
            Refused(
                f"{picked.name} was rejected by {written.speaker}: {reason}",
                mend=f"`{written.speaker}` approves it, or it stays as it is.",
            )
        )
    if verdict and (why := missing(desk, picked, verdict.key)):
        again = " It was taken out of the field: older approvals do not count." if version.quarantined else ""
        found.append(Refused(why + again, mend=f"`slipway model approve {picked.name}`, by somebody who may."))
    return verdict, found


def outlook(desk: Desk, given: str, *, overriding: bool = False) -> tuple[Picked, Refused | None]:
    """The version, and what making it champion would be refused with; nothing is written."""
    picked = pick(desk, given)
    lacking = desk.lacking(Role.OVERRIDE if overriding else Role.RELEASER)
    if picked.standing.champion == picked.record.bundle:
        return picked, lacking if overriding else None
    against = look(desk, picked)[1]
    if overriding:
        against = [] if against else [_nothing_against(picked)]
    all_of = [lacking, *against] if lacking else against
    return picked, _all_of(all_of) if all_of else None


def obstacles(desk: Desk, standing: ModelStanding, version: VersionStanding) -> list[str]:
    """What stands in the way of promoting the version now, a sentence each."""
    picked = Picked(agreed(desk.store, standing.model, version), version, standing)
    return [str(one) for one in look(desk, picked)[1]]


def promote(desk: Desk, given: str, *, request: str | None = None) -> Promoted:
    """Make a version champion that has passed against today's champion and has its approvals."""
    picked = pick(desk, given)
    if picked.standing.champion == picked.record.bundle:
        show_version(desk, picked.record)
        return Promoted(picked, None, None)
    desk.acting(Role.RELEASER, picked.about(), PROMOTE)
    verdict, against = look(desk, picked)
    if against or verdict is None:
        desk.refuse(PROMOTE, picked.about(verdict.key if verdict else ""), _all_of(against))
    return _become(desk, picked, Action.PROMOTE, verdict.key, request or fresh_nonce())


def override(desk: Desk, given: str, *, reason: str, request: str | None = None) -> Promoted:
    """Make a version champion whatever speaks against it; reason and refusals stand on its card."""
    check_reason(reason)
    picked = pick(desk, given)
    desk.acting(Role.OVERRIDE, picked.about(), Action.OVERRIDE.value)
    if picked.standing.champion == picked.record.bundle:
        return Promoted(picked, None, None)
    verdict, against = look(desk, picked)
    if not against:
        raise _nothing_against(picked)
    key = verdict.key if verdict else picked.version.last.key if picked.version.last else ""
    told = " ".join(str(one) for one in against)
    return _become(desk, picked, Action.OVERRIDE, key, request or fresh_nonce(), reason=reason, refused=told)


def check_reason(reason: str) -> None:
    """An override says why."""
    if not reason.strip():
        raise WrongUse("An override takes a reason.", mend='--override --reason "…"')


def _nothing_against(picked: Picked) -> Refused:
    return Refused(
        f"Nothing speaks against {picked.name}: there is nothing to override.",
        mend=f"`slipway model promote {picked.name}`",
    )


def rollback(
    desk: Desk, model: str, *, to: str | None = None, reason: str, request: str | None = None, show: bool = True
) -> Promoted:
    """Return champion to an earlier version, the last one before unless one is named, and quarantine today's.

    Without `show` what MLflow shows is left to the caller.
    """
    if not reason.strip():
        raise WrongUse("A rollback takes a reason.", mend='--reason "…"')
    if request and (there := _asked_before(desk, model, Action.ROLLBACK, request)):
        return there
    picked = way_back(desk, model, to)
    record, replaced = picked.record, picked.standing.champion
    verdict = picked.version.promotions[-1].entry.decision.subjects.get("verdict", "")
    about = About(model, record.bundle, record.number, verdict, replaced)
    written = take_back(desk, about, reason=reason, request=request or fresh_nonce())
    if show:
        show_version(desk, record)
    return Promoted(pick(desk, picked.name), replaced, written)


def take_back(
    desk: Desk, about: About, *, reason: str, request: str, details: Mapping[str, Any] | None = None
) -> Written:
    """Write a rollback into the ledger; what MLflow shows is for the caller to make equal, once devices are told."""
    picked = pick(desk, f"{about.model}/{about.version}")
    roles = held_roles(desk.signer.person, Action.ROLLBACK, desk.now())
    gone = about.subjects.get(UNDOES, about.replaces)
    if why := why_unasked(roles, details or {}, gone, picked.standing.on_its_way):
        desk.refuse(ROLLBACK, about, Refused(f"{why[:1].upper()}{why[1:]}.", mend="Somebody who is on-call undoes it."))
    return _decided(desk, picked, about, Action.ROLLBACK, request, reason=reason, details=details)[0]


def way_back(desk: Desk, model: str, to: str | None) -> Picked:
    """The version that was champion before and can be again, the last one unless one is named."""
    standing = pick(desk, f"{model}@champion").standing
    wanted = standing.versions.get(_earlier(desk, model)) if to is None else standing.numbered(to)
    if wanted is None or not wanted.promotions or wanted.bundle == standing.champion:
        raise Refused(
            f"{model} has been champion as no other version{f' {to}' if to else ''}: there is nothing to go back to.",
            mend=f"`slipway model history {model}` shows who was champion.",
        )
    if wanted.quarantined:
        raise Refused(
            f"{model}/{wanted.number} is quarantined: a rollback does not bring it back.",
            mend=f"`slipway model approve {model}/{wanted.number}`, then `slipway model promote` it.",
        )
    return pick(desk, f"{model}/{wanted.number}")


def _earlier(desk: Desk, model: str) -> str:
    """Who was champion before, that is neither quarantined nor rejected; one that is rejected must be named."""
    standing = desk.standing(model)
    befores = [change.before for change in reversed(standing.history) if change.before]
    for version in (standing.versions[before] for before in befores if before != standing.champion):
        if not version.quarantined and not version.rejections:
            return version.bundle
    return ""


def _asked_before(desk: Desk, model: str, action: Action, request: str) -> Promoted | None:
    """What came of the same request, if somebody was killed after the ledger's entry: the rest is done now."""
    for written in desk.ledger.entries(model):
        decision = written.entry.decision
        if (decision.action, decision.nonce, written.signer) == (action, request, desk.signer.person.name):
            picked = pick(desk, f"{model}/{decision.subjects[VERSION]}")
            show_version(desk, picked.record)
            return Promoted(picked, decision.subjects.get(REPLACES), written)
    return None


def _become(
    desk: Desk, picked: Picked, action: Action, verdict: str, nonce: str, *, reason: str = "", refused: str = ""
) -> Promoted:
    """Ledger, then alias; the entry that came second to another one changes nothing."""
    replaced = picked.standing.champion
    record = picked.record
    about = About(record.model, record.bundle, record.number, verdict, replaced)
    details = {"refused": refused} if refused else {}
    written, now = _decided(desk, picked, about, action, nonce, reason=reason, details=details)
    show_version(desk, record)
    return Promoted(now, replaced, written)


def _decided(
    desk: Desk,
    picked: Picked,
    about: About,
    action: Action,
    nonce: str,
    *,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> tuple[Written, Picked]:
    decision = about.decided(action, actor=desk.signer.person.name, nonce=nonce, reason=reason, details=details)
    try:
        check_right(decision, desk.signer.person)
    except NotTrusted as error:
        desk.refuse(action.value, about, Refused(str(error), mend=error.mend))
    written = desk.ledger.append(decision, desk.signer)
    now = pick(desk, picked.name)
    _check_counts(now, decision, written)
    return written, now


def _check_counts(now: Picked, decision: Decision, written: Written) -> None:
    why = now.standing.why_void(written.entry.number)
    if why is None and now.standing.champion != now.record.bundle:
        raise Refused(
            f"Entry {written.entry.number} made {now.name} champion, and it is champion no more.",
            mend=f"`slipway model history {now.record.model}` says why. If it is wanted again: a new request.",
        )
    if why is None:
        return
    raise Refused(
        f"Somebody was faster: entry {written.entry.number} ({decision.action} {now.name}) changes nothing, because "
        f"{why}.",
        mend=f"Look at `slipway model history {now.record.model}`; if it is still wanted: `{gate_command(now)}`",
    )


def _all_of(against: list[Refused]) -> Refused:
    """All that speaks against it, with every remedy."""
    return Refused(
        "\n".join(str(one) for one in against), mend="\n".join(dict.fromkeys(str(one.mend) for one in against))
    )
