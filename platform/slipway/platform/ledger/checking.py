"""Whether an envelope is the entry that belongs in its place, and everything that is wrong with it.

Pure. An entry's time counts because it stands in a chain: it is never before the entry before. So a key's trust is
asked for that time, and what a key signed before it was revoked stays.

Two answers differ for those who read: an entry that is *void* (its key was revoked from an earlier time on, or counted
only later) is in its place and says nothing; any other problem means that the list cannot be read past it.
"""

import json
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from slipway.platform.errors import SlipwayError
from slipway.platform.identity import BadEnvelope, NotTrusted, People, Person, TrustedKey, verify
from slipway.platform.ledger.entry import PAYLOAD, Entry, Written, digest_of
from slipway.platform.ledger.errors import LedgerDamaged
from slipway.platform.ledger.rights import claims, is_recorded, speaks_for_itself


class Kind(StrEnum):
    """What is wrong with an entry."""

    ENVELOPE = "envelope"
    """Bytes that nobody signed so: changed, written anew, or something else."""
    UNKNOWN = "unknown key"
    VOID = "void"
    """The key was revoked before, or counted only later."""
    ACTOR = "actor"
    """It says that somebody else decided."""
    RIGHT = "role"
    """Its signer did not hold the role then."""
    NUMBER = "number"
    """It lies where another belongs."""
    CHAIN = "chain"
    """It follows another entry than the one before it."""
    TIME = "time"
    """It is from before the entry before."""
    MISSING = "missing"
    REPEATED = "repeated"
    """Its decision stands already."""
    HEAD = "head"
    """It is not the one that somebody noted."""
    EXPORT = "export"
    """The file around the entries."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with the entry of that number."""

    number: int
    kind: Kind
    text: str
    mend: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Place:
    """Where an entry belongs: what the one before it is called, and from when that is. None: nobody has looked."""

    number: int = 1
    previous: str | None = ""
    after: datetime | None = None

    @classmethod
    def following(cls, before: Written | None) -> Self:
        """The place after an entry; the first where there is none."""
        return cls() if before is None else cls(before.entry.number + 1, before.digest, before.entry.at)


@dataclass(frozen=True)
class Checked:
    """An envelope that was looked at. `written` is None where it cannot be read or believed."""

    written: Written | None
    problems: tuple[Problem, ...] = ()

    @property
    def void(self) -> bool:
        """It is in its place and says nothing."""
        return any(one.kind is Kind.VOID for one in self.problems)

    @property
    def fatal(self) -> Problem | None:
        """Why nothing can be read past it; who may say what does not matter where an entry says nothing."""
        spared = {Kind.VOID, Kind.ACTOR, Kind.RIGHT} if self.void else set()
        return next((one for one in self.problems if one.kind not in spared), None)


def check(place: Place, envelope: bytes, people: People, *, seen: bool = False) -> Checked:
    """Look at the envelope that lies at a place; `seen` spares the signature of one that was verified before."""
    try:
        entry, person, key = _signed(envelope, people, seen=seen)
    except NotTrusted as error:
        return Checked(None, (Problem(place.number, Kind.UNKNOWN, str(error).removesuffix("."), _UNKNOWN),))
    except SlipwayError as error:
        return Checked(None, (Problem(place.number, Kind.ENVELOPE, str(error).removesuffix(".")),))
    found = [*misplaced(place, entry), *_unentitled(place.number, entry, person, key, people)]
    return Checked(_written(entry, envelope, person, people), tuple(found))


def believed(found: Checked, url: str) -> Written:
    """The entry, unless the list cannot be read past it."""
    problem = found.fatal
    if problem is None and found.written is not None:
        return found.written
    problem = problem or found.problems[0]
    raise LedgerDamaged(
        f"Entry {problem.number} of the ledger in {url}: {problem.text}.",
        number=problem.number,
        mend=problem.mend or "`slipway ledger verify` names all that is wrong; restore what was changed from a backup.",
    )


_UNKNOWN = "If a colleague is new, take the people file that knows them; else somebody else wrote into the store."


def claimed(envelope: bytes) -> tuple[Entry, str]:
    """What an envelope says and the name of its key; nobody has looked at the signature."""
    try:
        fields = json.loads(envelope)
        payload = b64decode(fields["payload"], validate=True)
        keyid = str(fields["signatures"][0]["keyid"])
        entry = Entry.model_validate_json(payload)
        spelled = entry.to_bytes()
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise BadEnvelope("these bytes are no entry") from None
    if spelled != payload:
        raise BadEnvelope("the entry is not written in canonical form")
    return entry, keyid


def _signed(envelope: bytes, people: People, *, seen: bool) -> tuple[Entry, Person, TrustedKey]:
    """What it says and who signed it; whether the key counted at that time is another question."""
    entry, keyid = claimed(envelope)
    holder = people.holder(keyid)
    try:
        if not seen:
            verify(people, envelope, PAYLOAD)
    except NotTrusted:
        # a signature is held against the key before the key's own trust is asked for
        if holder is None:
            raise
    if holder is None:
        raise NotTrusted(f"{people.source} knows nobody with the key {keyid}, which signed it")
    return entry, *holder


def misplaced(place: Place, entry: Entry) -> list[Problem]:
    """Why this entry does not belong there."""
    found = []
    if entry.number != place.number:
        found.append(Problem(place.number, Kind.NUMBER, f"entry {entry.number} lies in its place"))
    if place.previous is not None and entry.previous != place.previous:
        text = f"it does not follow entry {place.number - 1} as that is here: one of the two is another"
        text = text if place.previous else "it follows an entry and stands first"
        found.append(Problem(place.number, Kind.CHAIN, text))
    if place.after is not None and entry.at < place.after:
        text = f"it is from {entry.at}, before the entry before it ({place.after})"
        found.append(Problem(place.number, Kind.TIME, text))
    return found


def _written(entry: Entry, envelope: bytes, signer: Person, people: People) -> Written:
    recorded = is_recorded(entry.decision, signer.name)
    speaker = people.get(entry.decision.actor) if recorded else signer
    roles = tuple(role for role in claims(entry.decision, signer.name)[0].roles if signer.held(role, entry.at))
    email = (speaker.email if speaker else None) or ""
    return Written(entry, signer.name, digest_of(envelope), email, roles, recorded)


def _unentitled(number: int, entry: Entry, person: Person, key: TrustedKey, people: People) -> list[Problem]:
    """Why this person could not sign this then."""
    name, decision = person.name, entry.decision
    found = []
    if reason := _void(entry, key):
        found.append(Problem(number, Kind.VOID, f"it is from {entry.at}, and the key of `{name}` {reason}"))
    if not speaks_for_itself(decision, name):
        found.append(Problem(number, Kind.ACTOR, f"`{name}` signed what `{decision.actor}` is said to have decided"))
    for claim in claims(decision, name):
        holder = person if claim.name == name else people.get(claim.name)
        if not claim.roles or (holder and any(holder.held(role, entry.at) for role in claim.roles)):
            continue
        role, signed = claim.roles[0], f"`{name}` signed {decision.action}"
        text = f"{signed} on {entry.at:%Y-%m-%d} and was not {role} then"
        if decision.actor != name:
            text = f"{signed} of `{decision.actor}` on {entry.at:%Y-%m-%d}, and `{claim.name}` was not {role} then"
        found.append(Problem(number, Kind.RIGHT, text, _FORMER.format(name=claim.name, role=role)))
    return found


def _void(entry: Entry, key: TrustedKey) -> str | None:
    """Why what this key signed says nothing."""
    if entry.at < key.since:
        return f"counts since {key.since}"
    revoked = key.revoked
    if revoked is None:
        return None
    if entry.at >= revoked.at:
        return f"was revoked from {revoked.at} on: {revoked.reason}"
    if revoked.entry is not None and entry.number > revoked.entry:
        return f"signed nothing after entry {revoked.entry}: {revoked.reason}"
    return None


_FORMER = (
    'If `{name}` was, let the people file say so under them: former = [{{ role = "{role}", until = … }}]. If not, '
    "somebody went past the tools: `slipway identity revoke KEYID --at` a time before makes the entry void."
)
