"""Who may decide what.

A decision is its signer's own: the actor is the holder of the key. Only a service that records what somebody else did
speaks for another: the guard, about aliases moved in the MLflow UI by whoever it was; and flows, about people's words
on a version that were said on Airflow's page. Those count as the people's own, so the people must hold the role for
them, and the service a role that lets it say nothing by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from slipway.platform.identity import NotTrusted, People, Person, Role
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

ON_BEHALF: Final[Mapping[Action, Role]] = {Action.APPROVE: Role.FLOW_SERVICE, Action.REJECT: Role.FLOW_SERVICE}
"""People's words that a holder of this role may record; they count as the people's."""


@dataclass(frozen=True)
class Claim:
    """One of these roles somebody must hold for a decision; none where everyone who is known may."""

    name: str
    roles: tuple[Role, ...]


def is_recorded(decision: Decision, signer: str) -> bool:
    """Whether the signer wrote down a word of somebody else, which counts as that one's."""
    return decision.actor != signer and decision.action in ON_BEHALF


def claims(decision: Decision, signer: str) -> tuple[Claim, ...]:
    """Whose roles it rests on, the signer's first."""
    roles = ROLES[decision.action]
    if is_recorded(decision, signer):
        return Claim(signer, (ON_BEHALF[decision.action],)), Claim(decision.actor, roles)
    return (Claim(signer, roles),)


def held_right(person: Person, action: Action, at: datetime) -> bool:
    """Whether this person held a role for it then."""
    return not ROLES[action] or bool(held_roles(person, action, at))


def held_roles(person: Person, action: Action, at: datetime) -> tuple[Role, ...]:
    """The roles that gave this person the right then."""
    return tuple(role for role in ROLES[action] if person.held(role, at))


def speaks_for_itself(decision: Decision, signer: str) -> bool:
    """Whether the actor is the signer, where it has to be."""
    return decision.actor == signer or decision.action in FOR_OTHERS or decision.action in ON_BEHALF


def check_right(decision: Decision, person: Person, people: People | None = None) -> None:
    """Refuse a decision that this person may not sign today; `people` are asked for whose word it is."""
    if not speaks_for_itself(decision, person.name):
        raise _for_another(decision, person)
    for claim in claims(decision, person.name):
        own = claim.name == person.name
        holder = person if own else people and people.get(claim.name)
        held = holder.roles if holder else ()
        if claim.roles and not any(role in held for role in claim.roles):
            recording = own and is_recorded(decision, person.name)
            raise _for_another(decision, person) if recording else _lacking(decision.action, claim, held)


def _for_another(decision: Decision, person: Person) -> NotTrusted:
    return NotTrusted(
        f"`{person.name}` would sign what `{decision.actor}` decided ({decision.action}); everyone signs for themself.",
        mend=f"`{decision.actor}` does it with a key of their own.",
    )


def _lacking(action: Action, claim: Claim, held: tuple[Role, ...]) -> NotTrusted:
    wanted = " or ".join(f"{role} ({role.meaning})" for role in claim.roles)
    return NotTrusted(
        f"To {action} takes someone who is {wanted}; `{claim.name}` is {', '.join(held) or 'nothing of it'}.",
        mend=f"Someone who is does it, or `slipway identity trust {claim.name} --role {claim.roles[0]}`, which a "
        "colleague reviews.",
    )
