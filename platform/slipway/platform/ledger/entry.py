"""What an entry of the ledger says: a decision, and its place in the chain.

A decision's id is the sha256 of action, model, subjects, actor and the request's nonce: the same request, made again
after a crash, is the same decision and stands once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from pydantic import AwareDatetime, Field

from slipway.platform.canonical import canonical
from slipway.platform.runs.records import Record

PAYLOAD: Final = "application/vnd.slipway.ledger-entry+json"
"""What an entry is signed as."""
FOLDER: Final = "ledger"
DIGITS: Final = 12


class Action(StrEnum):
    """The kinds of decisions."""

    VERDICT = "verdict"
    """Gates have judged a bundle; failed ones are entries, too."""
    REGISTER = "register"
    COMMENT = "comment"
    APPROVE = "approve"
    REJECT = "reject"
    PROMOTE = "promote"
    """A version is champion from here on."""
    OVERRIDE = "override"
    """A version is champion past a refusal, with a reason."""
    ACCEPT = "accept"
    """An alias that somebody set by hand, and that had all it needs."""
    RESTORE = "restore"
    """An alias that somebody set, moved or deleted by hand was put back."""
    RELEASE = "release"
    """A bundle goes into a channel, and its rollout begins."""
    ADVANCE = "advance"
    """A rollout goes on to more devices, or to all for good."""
    AGREE = "agree"
    """Somebody approves the last step of a rollout, where its plan asks for that."""
    PAUSE = "pause"
    RESUME = "resume"
    SAMPLE = "sample"
    """Which pictures devices keep for labelling."""
    ROLLBACK = "rollback"
    """Champion goes back to an earlier version; the other is quarantined."""
    REFUSE = "refuse"
    """Somebody asked for what the rules do not allow, and was refused."""
    PIN = "pin"
    """A device or a site stays with one release until a moment."""
    FREEZE = "freeze"
    """Until a moment nothing is begun with; undoing stays possible."""
    CONFIGURE = "configure"
    """How the devices of a site work: streams, masks, thresholds, windows."""


EVERY_MODEL: Final = ""
"""In place of a model, where a decision is about all of them or about none."""


class Decision(Record):
    """What was decided, on what, by whom, why."""

    action: Action
    model: str
    subjects: Mapping[str, str] = {}
    """What it is about, by kind: `bundle`, `version` (a number), `verdict`, `replaces` (a bundle), `snapshot`, …"""
    actor: str
    """Who decided; the signer where that is not a person, such as `unknown (MLflow UI)`."""
    nonce: str = Field(min_length=1)
    """Of the request."""
    reason: str = ""
    details: Mapping[str, Any] = {}
    """What else a reader wants to see; no part of the id."""

    @cached_property
    def id(self) -> str:
        """The decision's name."""
        named = self.model_dump(mode="json", include={"action", "model", "subjects", "actor", "nonce"})
        return hashlib.sha256(canonical(named)).hexdigest()


class Entry(Record):
    """A decision in its place."""

    number: int = Field(ge=1)
    previous: str
    """sha256 of the bytes of the entry before; empty for the first."""
    at: AwareDatetime
    """By the writer's clock; never before the entry before."""
    decision: Decision

    def to_bytes(self) -> bytes:
        """Canonical JSON: the payload that is signed."""
        return canonical(self.model_dump(mode="json"))


@dataclass(frozen=True)
class Written:
    """An entry as it stands in the ledger, with who signed it."""

    entry: Entry
    signer: str
    """Name of the person or service whose key signed."""
    digest: str
    """sha256 of the envelope, which the next entry names."""
    email: str = ""
    """That of whose word it is, where the people file has it."""
    roles: tuple[str, ...] = ()
    """Those that the signer held then, of the ones that give the right to sign it."""
    recorded: bool = False
    """Whether the signer wrote down what the actor said elsewhere."""

    @property
    def speaker(self) -> str:
        """Whose word it is: the signer's, or the actor's where a service recorded it."""
        return self.entry.decision.actor if self.recorded else self.signer


def entry_key(number: int) -> str:
    """Where an entry lies."""
    return f"{FOLDER}/{number:0{DIGITS}d}.json"


def digest_of(envelope: bytes) -> str:
    """What the next entry calls this one."""
    return hashlib.sha256(envelope).hexdigest()
