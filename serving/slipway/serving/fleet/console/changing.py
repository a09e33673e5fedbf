"""Pausing and undoing for a person with a session: the service signs, and the entry says who asked, with the grant.

The right is the person's own, looked up at this moment; the service's key alone would not do.
"""

from collections.abc import Mapping
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.identity import Role
from slipway.platform.ledger.entry import Action
from slipway.platform.ledger.rights import ROLES
from slipway.platform.registry.decisions import ASKED_BY, GRANT
from slipway.platform.registry.desk import Desk
from slipway.serving.fleet.operators.acting import Acting, check_roles
from slipway.serving.release.folding import known_rollout
from slipway.serving.release.moving import against, move, pausing
from slipway.serving.release.opening import open_repository
from slipway.serving.release.undoing import plan, undo
from slipway.serving.release.wording import named

ACTIONS: Final = {"pause": Action.PAUSE, "undo": Action.ROLLBACK}
LONGEST: Final = 480


def check(acting: Acting, what: str) -> None:
    """Refuse whoever may not; the role of the service itself is no person's."""
    check_roles(acting, tuple(role for role in ROLES[ACTIONS[what]] if role is not Role.ROLLOUT_SERVICE))


def told(desk: Desk, model: str, what: str) -> tuple[int, str]:
    """The release that is meant, and what would happen; refused is what cannot be."""
    rollout, standing = known_rollout(desk, model)
    if what == "undo":
        wanted = plan(rollout, standing)
        return wanted.gone.number, (
            f"{named(wanted.gone)} leaves the field and is quarantined; devices go back to {named(wanted.back)}."
        )
    if found := against(desk, rollout, pausing()):
        raise found
    if rollout.target is None or rollout.paused:
        raise WrongUse(f"The rollout of {model} is paused already.", mend=f"`slipway rollout status {model}`")
    return rollout.target.number, (f"No other device begins with {named(rollout.target)}; those that have it keep it.")


def change(desk: Desk, acting: Acting, model: str, what: str, form: Mapping[str, str]) -> None:
    """Do it, if what is meant is still what is there."""
    check(acting, what)
    reason = form.get("reason", "").strip()
    if not reason:
        raise WrongUse("This takes a reason.", mend="Say why, in a sentence.")
    release, request = form.get("release", ""), form.get("request", "") or None
    rollout = known_rollout(desk, model)[0]
    newest = rollout.newest
    if newest is None or str(newest.number) != release:
        raise WrongUse(
            f"{model} is not where this page was: release {release} is not the newest.", mend="Look at the page again."
        )
    asked = {ASKED_BY: acting.person.name, GRANT: acting.grant.decode()}
    if what == "pause":
        move(desk, open_repository(desk), model, pausing(), reason=reason[:LONGEST], request=request, asked=asked)
    else:
        undo(
            desk, lambda: open_repository(desk), model,
            reason=reason[:LONGEST], release=newest.number, request=request, asked=asked,
        )  # fmt: skip
