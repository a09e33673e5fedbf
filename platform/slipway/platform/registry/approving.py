"""People's words on a version: approve, reject, comment.

An approval names bundle, version and verdict: it is given on this evidence and holds for no other. Who trained the
version, or last wrote the model's code or config, does not approve it: by what was registered, and by what run and git
say today. Nor does who registered it and said so. The same request made again, after a crash or
by somebody who copied it, is the same decision; used for anything else it is refused.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import WrongUse
from slipway.platform.identity import PersonSigner, Role
from slipway.platform.ledger.entry import Action, Written
from slipway.platform.registry.authors import Hands, hands_of, is_barred
from slipway.platform.registry.decisions import VERDICT, About
from slipway.platform.registry.desk import Desk, Refused, fresh_nonce
from slipway.platform.registry.finding import Picked, pick
from slipway.platform.registry.proof import standing_verdict
from slipway.platform.registry.records import APPROVALS, Level
from slipway.platform.registry.shown import show_version

if TYPE_CHECKING:
    from slipway.platform.models.finder import Model

APPROVE: Final = "approve"
REJECT: Final = "reject"


@dataclass(frozen=True)
class Said:
    """A word that stands in the ledger."""

    picked: Picked
    written: Written
    before: bool = False
    """Whether it stood before."""

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who has approved it on the verdict that this word names."""
        return self.picked.version.approvers(self.written.entry.decision.subjects.get("verdict", ""))


def approve(
    desk: Desk, given: str, *, verdict: str | None = None, request: str | None = None, reason: str = ""
) -> Said:
    """Approve a version on the verdict that holds today; a named verdict must be that one."""
    picked = pick(desk, given)
    signer = desk.acting(Role.APPROVER, picked.about(verdict or ""), APPROVE)
    try:
        about = _allowed(desk, picked, signer, verdict, request)
    except Refused as refused:
        desk.refuse(APPROVE, picked.about(verdict or ""), refused)
    name = signer.person.name
    there = _spoken(picked, signer)
    if there and there.entry.decision.subjects == about.subjects:
        return Said(picked, there, before=True)
    decision = about.decided(Action.APPROVE, actor=name, nonce=request or fresh_nonce(), reason=reason)
    said = _said(desk, picked, desk.ledger.append(decision, signer))
    if said.written not in said.picked.version.approvals:
        raise Refused(
            f"The request `{request}` approved {picked.name} in entry {said.written.entry.number}, and that does not "
            "count any more.",
            mend="Make a new request, after looking at this version again.",
        )
    return said


def outlook(
    desk: Desk, given: str, *, verdict: str | None = None, request: str | None = None
) -> tuple[Picked, Refused | None]:
    """The version, and what approving it by whoever acts here would be refused with; nothing is written."""
    picked = pick(desk, given)
    if lacking := desk.lacking(Role.APPROVER):
        return picked, lacking
    try:
        _allowed(desk, picked, desk.signer, verdict, request)
    except Refused as refused:
        return picked, refused
    return picked, None


def _allowed(desk: Desk, picked: Picked, signer: PersonSigner, verdict: str | None, request: str | None) -> About:
    """What would be approved, if this person may."""
    _may_approve(desk, picked, signer)
    if picked.standing.champion == picked.record.bundle:
        there = _spoken(picked, signer)
        if there is None or verdict not in (None, there.entry.decision.subjects.get(VERDICT)):
            raise Refused(
                f"{picked.name} is champion already: there is nothing to approve.",
                mend=f"`slipway model comment {picked.name}` leaves a remark.",
            )
        about = picked.about(there.entry.decision.subjects.get(VERDICT, ""))
    else:
        about = picked.about(standing_verdict(desk, picked, verdict).key)
    _not_replayed(desk, about, request, signer)
    return about


def reject(desk: Desk, given: str, *, reason: str) -> Said:
    """Reject a version: it is not promoted until whoever rejected it approves it."""
    picked = pick(desk, given)
    signer = desk.acting(Role.APPROVER, picked.about(), REJECT)
    return _word(desk, picked, Action.REJECT, signer, reason)


def comment(desk: Desk, given: str, *, reason: str) -> Said:
    """A remark that stands on the card."""
    return _word(desk, pick(desk, given), Action.COMMENT, desk.signer, reason)


def missing(desk: Desk, picked: Picked, verdict: str) -> str:
    """What approvals are still wanted, in a sentence; empty where none are."""
    approvers, hands = picked.version.approvers(verdict), _hands(desk, picked)
    there = sum(not is_barred(desk.people.person(name), (*hands.trained, *hands.wrote)) for name in approvers)
    risk = risk_of(picked)
    needed = max(APPROVALS[risk], picked.version.needed)
    if there >= needed:
        return ""
    return f"{picked.name} is of {risk} risk and has {there} of {needed} approvals on today's verdict."


def risk_of(picked: Picked) -> Level:
    """The class of risk: the one that it was registered with, or a higher one that its model declares since."""
    model = _installed(picked)
    declared = model.declaration.risk.level if model else picked.record.risk
    return max(picked.record.risk, declared, key=list(APPROVALS).index)


def _installed(picked: Picked) -> "Model | None":
    from slipway.platform.models.finder import installed_models

    return installed_models().get(picked.record.model)


def _hands(desk: Desk, picked: Picked) -> Hands:
    """Who had a hand in it, by what run and git say today; whoever registered it may not have known git's answer."""
    run = picked.record.run_key
    model = _installed(picked)
    return hands_of(desk.store, desk.people, run, model.folder if model else None) if run else Hands()


def _spoken(picked: Picked, signer: PersonSigner) -> Written | None:
    """This person's approval that stands, if there is one."""
    return next((one for one in picked.version.approvals if one.signer == signer.person.name), None)


def _may_approve(desk: Desk, picked: Picked, signer: PersonSigner) -> None:
    person, record, hands = signer.person, picked.record, _hands(desk, picked)
    if is_barred(person, (*record.trained_by, *hands.trained)):
        why = "trained it"
    elif is_barred(person, (*record.written_by, *hands.wrote)):
        why = "last wrote its code or config"
    elif person.name == record.answered_by:
        why = "brought it in" if record.external else "registered it and answers for who trained it"
    elif is_barred(person, picked.version.barred):
        why = "registered it, and said who had a hand in it"
    else:
        return
    raise Refused(
        f"`{person.name}` {why}, so `{person.name}` does not approve {picked.name}.",
        mend="Somebody else who is approver looks at it.",
    )


def _not_replayed(desk: Desk, about: About, request: str | None, signer: PersonSigner) -> None:
    """A request that has approved something else approves nothing here."""
    if request is None:
        return
    for written in desk.ledger.entries():
        decision = written.entry.decision
        if decision.action is not Action.APPROVE or decision.nonce != request:
            continue
        if (decision.model, dict(decision.subjects), written.signer) != (
            about.model,
            about.subjects,
            signer.person.name,
        ):
            raise Refused(
                f"The request `{request}` has approved {decision.model}/{decision.subjects.get('version', '?')} "
                f"already (entry {written.entry.number}); it approves nothing else.",
                mend="Make a new request, after looking at this version.",
            )


def _word(desk: Desk, picked: Picked, action: Action, signer: PersonSigner, reason: str) -> Said:
    if not reason.strip():
        raise WrongUse(f"To {action} takes a reason.", mend='--reason "…"')
    verdict = picked.version.last.key if picked.version.last else ""
    decision = picked.about(verdict).decided(action, actor=signer.person.name, nonce=fresh_nonce(), reason=reason)
    return _said(desk, picked, desk.ledger.append(decision, signer))


def _said(desk: Desk, picked: Picked, written: Written) -> Said:
    show_version(desk, picked.record)
    return Said(pick(desk, picked.name), written)
