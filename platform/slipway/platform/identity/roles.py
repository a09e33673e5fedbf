"""Who may do what.

A role is a right to sign one kind of statement. There are as few as the promises of the platform need: four eyes on a
version, verdicts that only gates give, releases that only few start, and an undo that anyone on call can reach.
"""

from enum import StrEnum

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion


class Role(StrEnum):
    """The roles, as they are written in the people file."""

    TRAINER = "trainer"
    APPROVER = "approver"
    RELEASER = "releaser"
    OPERATOR = "operator"
    ON_CALL = "on-call"
    CHANNEL_ROOT = "channel-root"
    OVERRIDE = "override"
    GATE_SERVICE = "gate-service"
    GUARD_SERVICE = "guard-service"
    ROLLOUT_SERVICE = "rollout-service"
    FLEET_SERVICE = "fleet-service"
    FLOW_SERVICE = "flow-service"

    @property
    def meaning(self) -> str:
        """What a holder may do, in one line."""
        return MEANINGS[self]


MEANINGS = {
    Role.TRAINER: "trains, exports and registers versions",
    Role.APPROVER: "approves or rejects a version that someone else made",
    Role.RELEASER: "promotes approved versions, signs their releases and starts rollouts",
    Role.OPERATOR: "enrols and revokes devices, pins, freezes, and configures sites",
    Role.ON_CALL: "undoes a rollout to a release that was approved before",
    Role.CHANNEL_ROOT: "holds one of the offline keys that say whose other keys devices trust",
    Role.OVERRIDE: "promotes past a refusal, with a reason that everyone sees",
    Role.GATE_SERVICE: "signs verdicts",
    Role.GUARD_SERVICE: "makes aliases equal to the ledger and records what it put back",
    Role.ROLLOUT_SERVICE: "signs channel, snapshot and timestamp, and moves a rollout through its waves",
    Role.FLEET_SERVICE: "records enrolments and signs what devices are asked for",
    Role.FLOW_SERVICE: "records approvals that people gave on Airflow's page",
}

JUDGEMENT = frozenset({Role.APPROVER, Role.OVERRIDE, Role.ON_CALL, Role.CHANNEL_ROOT})
"""Roles that only a person may hold: they stand for someone having looked."""
RECORDING = frozenset({Role.FLOW_SERVICE})
"""Roles that only a service may hold: they write down what people said, and nobody does that for a colleague."""


def role_named(name: str) -> Role:
    """The role of that name."""
    try:
        return Role(name)
    except ValueError:
        raise WrongUse(f"There is no role `{name}`.", mend=suggestion(name, Role)) from None
