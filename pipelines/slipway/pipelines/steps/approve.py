"""The step `approve`: enough people have approved the version on today's verdict, or the flow waits for them.

The ledger is asked first: who approved by command needs no page. An answer that came from elsewhere, as Airflow's page,
is recorded by the rules that hold for everybody; where they do not let it count the flow says why, and waits on. The
review is the text that people are to read before they answer.
"""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from slipway.pipelines.steps.given import later, needed, picked_version
from slipway.pipelines.steps.site import Site
from slipway.pipelines.steps.step import APPROVE, Ask, How, Tell, Told, Values
from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    from slipway.platform.registry.finding import Picked
    from slipway.platform.registry.verdict import Verdict

NAME: Final = "approve"
VERSION: Final = "version"
LONGEST: Final = 8000
"""Characters of a review that a page has room for; `slipway model review` writes all of it."""
VIA: Final = "via"
AIRFLOW: Final = "airflow"


@dataclass(frozen=True)
class ApproveStep:
    """From a version to one that enough people have approved."""

    name: str = NAME

    def look(self, site: Site, ask: Ask, given: Values) -> Told:
        """Whether enough have."""
        if told := later(given, VERSION, NAME):
            return told
        return _standing(site, picked_version(site, ask, given))[0]

    def do(self, site: Site, ask: Ask, given: Values, tell: Tell) -> Told:
        """Find them, record an answer if there is one, or say what people are to look at."""
        needed(given, VERSION, NAME)
        begun = time.monotonic()
        told, verdict = _standing(site, picked_version(site, ask, given))
        why = ""
        if told.how is How.WAITING and verdict is not None and ask.response:
            tell(f"recording that {ask.responder} answered: {ask.response}")
            why = _record(site, ask, given, verdict)
            told, verdict = _standing(site, picked_version(site, ask, given))
            if told.how is How.FOUND:
                told = replace(told, how=How.DONE)
        if told.how is How.WAITING:
            told = replace(
                told, line=f"{why} {told.line}".lstrip(), text=_review(site, picked_version(site, ask, given))
            )
        return replace(told, seconds=time.monotonic() - begun)


def _standing(site: Site, picked: "Picked") -> "tuple[Told, Verdict | None]":
    """What the ledger says, and the verdict that it is said on."""
    if picked.standing.champion == picked.record.bundle:
        return _told(picked, How.FOUND, f"{picked.name} is champion: it was approved before."), None
    from slipway.platform.registry.approving import missing
    from slipway.platform.registry.desk import Refused
    from slipway.platform.registry.proof import standing_verdict

    try:
        verdict = standing_verdict(site.desk, picked)
    except Refused as refused:
        return _told(picked, How.REFUSED, str(refused), mend=refused.mend or ""), None
    if picked.version.rejections:
        last = picked.version.rejections[-1]
        line = f"{picked.name} was rejected by {last.speaker}: {last.entry.decision.reason}"
        mend = f"`{last.speaker}` approves it after all, or it stays as it is."
        return _told(picked, How.REFUSED, line, mend=mend), None
    if why := missing(site.desk, picked, verdict.key):
        again = " It was taken out of the field: older approvals do not count." if picked.version.quarantined else ""
        mend = (
            f"Somebody who may: `slipway model review {picked.name}`, then `slipway model approve {picked.name}`; "
            "then the same command again."
        )
        return _told(picked, How.WAITING, f"{why}{again}", mend=mend), verdict
    names = ", ".join(picked.version.approvers(verdict.key))
    return _told(picked, How.FOUND, f"{picked.name} is approved by {names}."), verdict


def _record(site: Site, ask: Ask, given: Values, verdict: "Verdict") -> str:
    """Record the answer of a person; why it does not count, where it does not."""
    from slipway.platform.registry.approving import Answer, approve_for, reject_for

    if not ask.request:
        raise WrongUse("An answer names the request that it answers.", mend="--request ID")
    answer = Answer(
        responder=ask.responder,
        verdict=given.get("verdict") or verdict.key,
        request=ask.request,
        via={VIA: AIRFLOW, **ask.via},
        reason=ask.reason,
    )
    try:
        (approve_for if ask.response == APPROVE else reject_for)(site.desk, f"{ask.model}/{given[VERSION]}", answer)
    except SlipwayError as refused:
        return f"The answer of {ask.responder} does not count: {refused} {refused.mend or ''}".rstrip()
    return ""


def _review(site: Site, picked: "Picked") -> str:
    """What changed since the champion, in Markdown."""
    from slipway.platform.registry.pages import brief
    from slipway.platform.registry.review_page import review_page
    from slipway.platform.registry.reviewing import review

    return brief(review_page(review(site.desk, picked), None, b""), LONGEST)


def _told(picked: "Picked", how: How, line: str, *, mend: str = "") -> Told:
    links = {"the review": f"slipway model review {picked.name}", "the version": f"slipway model show {picked.name}"}
    return Told(step=NAME, how=how, line=line, links=links, mend=mend)


STEP: Final = ApproveStep()
