"""Writing a decision about a rollout into the ledger, and seeing that it counts.

What is written is judged once more by the fold: of two who decide at once both entries stand, and the one that came
second to a place that was taken changes nothing. Its author is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import NotTrusted
from slipway.platform.ledger.entry import Action, Decision, Written
from slipway.platform.ledger.rights import check_right
from slipway.platform.registry.decisions import RELEASE, About
from slipway.platform.registry.desk import Desk, Refused, fresh_nonce
from slipway.serving.errors import SlipwayError as ServingError
from slipway.serving.release.folding import load_rollout
from slipway.serving.release.rollouts import Released, Rollout
from slipway.serving.release.rules import Against


@dataclass(frozen=True)
class Outlook:
    """What deciding something would come to."""

    before: Written | None = None
    """The entry that made it so already."""
    refused: SlipwayError | None = None
    """What it would be refused with."""


class NotTold(SlipwayError):
    """It is decided, and devices could not be told of it."""


@contextmanager
def telling(written: Written) -> Iterator[None]:
    """What goes wrong once it is decided is told with that: the entry stands, and only the channel is behind."""
    try:
        yield
    except (SlipwayError, ServingError) as error:
        raise NotTold(
            f"Entry {written.entry.number} stands in the ledger, and devices are not told of it: {error}",
            mend=f"{error.mend or 'Mend that.'} Then `slipway channel keepalive` tells them; it is decided.",
        ) from error


def about_release(released: Released, **besides: str) -> About:
    """For a decision about a release."""
    named = {RELEASE: str(released.number), **besides}
    return About(released.model, released.bundle, released.version, besides=named)


def decide(
    desk: Desk,
    action: Action,
    about: About,
    *,
    reason: str = "",
    request: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> tuple[Written, Rollout]:
    """Write it, if who acts may; the rollout as it stands then."""
    name = desk.signer.person.name
    decision = about.decided(action, actor=name, nonce=request or fresh_nonce(), reason=reason, details=details)
    if found := against_person(desk, decision):
        desk.refuse(action.value, about, found)
    written = desk.ledger.append(decision, desk.signer)
    rollout = load_rollout(desk, about.model)[0]
    check_counts(written, rollout.why_void(written.entry.number))
    return written, rollout


def against_person(desk: Desk, decision: Decision) -> Refused | None:
    """Whether who acts may not decide it."""
    try:
        check_right(decision, desk.signer.person)
    except NotTrusted as error:
        return Refused(str(error), mend=error.mend)
    return None


def asked_before(desk: Desk, model: str, action: Action, request: str | None) -> Written | None:
    """The entry of the same request, if it was made before."""
    if request is None:
        return None
    for written in desk.ledger.entries(model):
        decision = written.entry.decision
        if (decision.action, decision.nonce, written.signer) == (action, request, desk.signer.person.name):
            return written
    return None


def check_same(written: Written, request: str | None, *, same: bool) -> None:
    """Refuse to take the entry of a request for the answer to another wish."""
    if request is not None and not same:
        decision, number = written.entry.decision, written.entry.number
        raise Refused(
            f"The request `{request}` wrote entry {number} ({decision.action} of {decision.model}), which asks for "
            "something else.",
            mend="For another wish: a new request.",
        )


def check_counts(written: Written, why_void: str | None) -> None:
    """Refuse to take an entry for done that changes nothing."""
    if why_void:
        decision, number = written.entry.decision, written.entry.number
        raise Refused(
            f"Entry {number} ({decision.action} of {decision.model}) changes nothing, because {why_void}.",
            mend=f"Look at `slipway rollout status {decision.model}`; if it is still wanted: a new request.",
        )


def refused(against: Sequence[Against]) -> Refused:
    """All that speaks against it, with every remedy."""
    said = "\n".join(f"{one.why[:1].upper()}{one.why[1:]}." for one in against)
    return Refused(said, mend="\n".join(dict.fromkeys(one.mend for one in against)))
