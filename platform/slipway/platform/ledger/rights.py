"""Who may decide what.

A decision is its signer's own: the actor is the holder of the key. Only a service that records what somebody else did,
without a key, speaks for another; so far that is the guard, about aliases moved in the MLflow UI.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from slipway.platform.identity import NotTrusted, Person, Role
from slipway.platform.ledger.entry import Action, Decision

ROLES: Final[Mapping[Action, tuple[Role, ...]]] = {
    Action.VERDICT: (Role.GATE_SERVICE,),
    Action.REGISTER: (Role.TRAINER,),
    Action.COMMENT: (),
    Action.APPROVE: (Role.APPROVER,),
    Action.REJECT: (Role.APPROVER,),
    Action.PROMOTE: (Role.RELEASER,),
    Action.OVERRIDE: (Role.OVERRIDE,),
    Action.ACCEPT: (Role.GUARD_SERVICE,),
    Action.RESTORE: (Role.GUARD_SERVICE,),
    Action.RELEASE: (Role.RELEASER,),
    Action.ADVANCE: (Role.RELEASER, Role.ROLLOUT_SERVICE),
    Action.AGREE: (Role.APPROVER,),
    Action.PAUSE: (Role.RELEASER, Role.ON_CALL, Role.OPERATOR, Role.ROLLOUT_SERVICE),
    Action.RESUME: (Role.RELEASER, Role.OPERATOR),
    Action.SAMPLE: (Role.RELEASER, Role.OPERATOR),
    Action.ROLLBACK: (Role.RELEASER, Role.ON_CALL, Role.ROLLOUT_SERVICE),
    Action.REFUSE: (),
    Action.PIN: (Role.OPERATOR,),
    Action.FREEZE: (Role.OPERATOR, Role.RELEASER, Role.ON_CALL),
    Action.CONFIGURE: (Role.OPERATOR,),
}
"""The roles of which one is needed; none where everyone who is known may."""

FOR_OTHERS: Final = frozenset({Action.ACCEPT, Action.RESTORE})
"""What the holder of the role may record as somebody else's doing."""


def held_right(person: Person, action: Action, at: datetime) -> bool:
    """Whether this person held a role for it then."""
    return not ROLES[action] or bool(held_roles(person, action, at))


def held_roles(person: Person, action: Action, at: datetime) -> tuple[Role, ...]:
    """The roles that gave this person the right then."""
    return tuple(role for role in ROLES[action] if person.held(role, at))


def speaks_for_itself(decision: Decision, signer: str) -> bool:
    """Whether the actor is the signer, where it has to be."""
    return decision.actor == signer or decision.action in FOR_OTHERS


def check_right(decision: Decision, person: Person) -> None:
    """Refuse a decision that this person may not sign today."""
    action = decision.action
    if not speaks_for_itself(decision, person.name):
        raise NotTrusted(
            f"`{person.name}` would sign what `{decision.actor}` decided ({action}); everyone signs for themself.",
            mend=f"`{decision.actor}` does it with a key of their own.",
        )
    if not ROLES[action] or any(role in person.roles for role in ROLES[action]):
        return
    wanted = " or ".join(f"{role} ({role.meaning})" for role in ROLES[action])
    raise NotTrusted(
        f"To {action} takes someone who is {wanted}; `{person.name}` is {', '.join(person.roles) or 'nothing of it'}.",
        mend=f"Someone who is does it, or `slipway identity trust {person.name} --role {ROLES[action][0]}`, which a "
        "colleague reviews.",
    )
