"""People's words on a version: approve, reject, comment.

An approval names bundle, version and verdict: it is given on this evidence and holds for no other. Who trained the
version, or last wrote the model's code or config, does not approve it: by what was registered, and by what run and git
say today. Nor does who registered it and said so. The same request made again, after a crash or
by somebody who copied it, is the same decision; used for anything else it is refused.

A person may also say it where they have no key at hand, on Airflow's page: a flow-service records it, and all of these
rules hold for the person as if they had signed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.identity import Person, Role
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


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person said about a version where they had no key at hand."""

    responder: str
    """Their name in the people file."""
    verdict: str
    """The verdict that they were shown."""
    request: str
    """An id of what was asked: recorded again, it is the same decision."""
    via: Mapping[str, Any]
    """Where they said it, for whoever reads the ledger: place, run, when."""
    reason: str = ""


def approve(
    desk: Desk, given: str, *, verdict: str | None = None, request: str | None = None, reason: str = ""
) -> Said:
    """Approve a version on the verdict that holds today; a named verdict must be that one."""
    picked = pick(desk, given)
    person = desk.acting(Role.APPROVER, picked.about(verdict or ""), APPROVE).person
    return _approve(desk, picked, person, verdict=verdict, request=request, reason=reason)


def approve_for(desk: Desk, given: str, answer: Answer) -> Said:
    """Record that a person approved a version on the verdict that they were shown."""
    picked = pick(desk, given)
    person = _responder(desk, picked, answer.responder, APPROVE)
    request, reason = answer.request, answer.reason
    return _approve(desk, picked, person, verdict=answer.verdict, request=request, reason=reason, via=answer.via)


def _approve(
    desk: Desk,
    picked: Picked,
    person: Person,
    *,
    verdict: str | None,
    request: str | None,
    reason: str,
    via: Mapping[str, Any] | None = None,
) -> Said:
    try:
        about = _allowed(desk, picked, person, verdict, request)
    except Refused as refused:
        desk.refuse(APPROVE, picked.about(verdict or ""), refused)
    there = _spoken(picked, person)
    if there and there.entry.decision.subjects == about.subjects:
        return Said(picked, there, before=True)
    nonce = request or fresh_nonce()
    decision = about.decided(Action.APPROVE, actor=person.name, nonce=nonce, reason=reason, details=via)
    said = _said(desk, picked, desk.ledger.append(decision, desk.signer))
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
        _allowed(desk, picked, desk.signer.person, verdict, request)
    except Refused as refused:
        return picked, refused
    return picked, None


def _allowed(desk: Desk, picked: Picked, person: Person, verdict: str | None, request: str | None) -> About:
    """What would be approved, if this person may."""
    _may_approve(desk, picked, person)
    if picked.standing.champion == picked.record.bundle:
        there = _spoken(picked, person)
        if there is None or verdict not in (None, there.entry.decision.subjects.get(VERDICT)):
            raise Refused(
                f"{picked.name} is champion already: there is nothing to approve.",
                mend=f"`slipway model comment {picked.name}` leaves a remark.",
            )
        about = picked.about(there.entry.decision.subjects.get(VERDICT, ""))
    else:
        about = picked.about(standing_verdict(desk, picked, verdict).key)
    _not_replayed(desk, about, request, person)
    return about


def reject(desk: Desk, given: str, *, reason: str) -> Said:
    """Reject a version: it is not promoted until whoever rejected it approves it."""
    picked = pick(desk, given)
    person = desk.acting(Role.APPROVER, picked.about(), REJECT).person
    return _word(desk, picked, Action.REJECT, person, reason)


def reject_for(desk: Desk, given: str, answer: Answer) -> Said:
    """Record that a person rejected a version."""
    picked = pick(desk, given)
    person = _responder(desk, picked, answer.responder, REJECT)
    about = picked.about(answer.verdict)
    _check_reason(Action.REJECT, answer.reason)
    decision = about.decided(
        Action.REJECT, actor=person.name, nonce=answer.request, reason=answer.reason, details=answer.via
    )
    return _said(desk, picked, desk.ledger.append(decision, desk.signer))


def comment(desk: Desk, given: str, *, reason: str) -> Said:
    """A remark that stands on the card."""
    return _word(desk, pick(desk, given), Action.COMMENT, desk.signer.person, reason)


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


def _responder(desk: Desk, picked: Picked, name: str, asked: str) -> Person:
    """Whoever said it elsewhere, if the people file knows them as approver and who acts here may record it."""
    desk.acting(Role.FLOW_SERVICE, picked.about(), asked)
    person = desk.people.get(name)
    if person is None or Role.APPROVER not in person.roles:
        known = f"`{name}` is no {Role.APPROVER}" if person else f"{desk.people.source} knows nobody called `{name}`"
        may = ", ".join(one.name for one in desk.people.persons if Role.APPROVER in one.roles) or "nobody yet"
        refused = Refused(
            f"{known}, so what `{name}` said about {picked.name} counts for nothing.",
            mend=f"Somebody who is {Role.APPROVER} answers under the name of the people file: {may}.",
        )
        desk.refuse(asked, picked.about(), refused)
    return person


def _spoken(picked: Picked, person: Person) -> Written | None:
    """This person's approval that stands, if there is one."""
    return next((one for one in picked.version.approvals if one.speaker == person.name), None)


def _may_approve(desk: Desk, picked: Picked, person: Person) -> None:
    record, hands = picked.record, _hands(desk, picked)
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


def _not_replayed(desk: Desk, about: About, request: str | None, person: Person) -> None:
    """A request that has approved something else approves nothing here."""
    if request is None:
        return
    for written in desk.ledger.entries():
        decision = written.entry.decision
        if decision.action is not Action.APPROVE or decision.nonce != request:
            continue
        if (decision.model, dict(decision.subjects), written.speaker) != (about.model, about.subjects, person.name):
            raise Refused(
                f"The request `{request}` has approved {decision.model}/{decision.subjects.get('version', '?')} "
                f"already (entry {written.entry.number}); it approves nothing else.",
                mend="Make a new request, after looking at this version.",
            )


def _word(desk: Desk, picked: Picked, action: Action, person: Person, reason: str) -> Said:
    _check_reason(action, reason)
    verdict = picked.version.last.key if picked.version.last else ""
    decision = picked.about(verdict).decided(action, actor=person.name, nonce=fresh_nonce(), reason=reason)
    return _said(desk, picked, desk.ledger.append(decision, desk.signer))


def _check_reason(action: Action, reason: str) -> None:
    if not reason.strip():
        raise WrongUse(f"To {action} takes a reason.", mend='--reason "…"')


def _said(desk: Desk, picked: Picked, written: Written) -> Said:
    show_version(desk, picked.record)
    return Said(pick(desk, picked.name), written)
