"""People and services, their roles, and the keys they are known by.

Pure values and questions about them; where they are written is `people_file`'s subject. A name belongs to one person
and a key to one name: a signature then has exactly one meaning. Nor do two people share an e-mail address: nobody
approves their own work under a second name. Keys are revoked, never removed, and people who leave keep their entry with
no roles: otherwise what they signed could no longer be read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, ValidationInfo, field_validator
from securesystemslib.signer import SSlibKey

from slipway.platform.errors import WrongUse
from slipway.platform.identity import keys
from slipway.platform.identity.names import Email, Keyid, Line, Name
from slipway.platform.identity.roles import JUDGEMENT, RECORDING, Role
from slipway.platform.names import suggestion

Moment = Annotated[AwareDatetime, Field(strict=True)]

Place = tuple[str, ...]
"""Where a value stands in the people file: its key path, with indexes."""


class Record(BaseModel):
    """A table of the people file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Revocation(Record):
    """From when on a key counts for nothing, and why."""

    at: Moment
    reason: Line
    entry: int | None = Field(default=None, ge=0, strict=True)
    """The newest entry of the ledger that it may have signed; later ones count for nothing, whatever date they bear."""


class TrustedKey(Record):
    """A public key that someone is known by, as securesystemslib writes it.

    Whoever holds the private half can write any date into what they sign, so a signature alone never shows whether it
    was made before or after a theft. Hence two questions: `trusted_now` for something new, and `trusted_at` for
    something whose time is known from elsewhere.
    """

    keytype: str
    scheme: str
    public: str
    keyid: Keyid
    since: Moment
    signer: Line | None = None
    """Address of the vault that holds the private half, if one does."""
    revoked: Revocation | None = None

    @field_validator("public")
    @classmethod
    def _is_a_key(cls, public: str, info: ValidationInfo) -> str:
        if {"keytype", "scheme"} <= info.data.keys():
            keys.public_key(info.data["keytype"], info.data["scheme"], public)
        return public

    @field_validator("keyid")
    @classmethod
    def _belongs_to_the_key(cls, keyid: str, info: ValidationInfo) -> str:
        if {"keytype", "scheme", "public"} <= info.data.keys():
            own = keys.public_key(info.data["keytype"], info.data["scheme"], info.data["public"]).keyid
            if own != keyid:
                raise ValueError(f"the public key's own keyid is {own}")
        return keyid

    @classmethod
    def of(cls, key: SSlibKey, since: datetime, signer: str | None = None) -> Self:
        """The entry for a key that is trusted from now on."""
        public = key.keyval["public"]
        return cls(keytype=key.keytype, scheme=key.scheme, public=public, keyid=key.keyid, since=since, signer=signer)

    def public_key(self) -> SSlibKey:
        """The key as signers and verifiers take it."""
        return SSlibKey(self.keyid, self.keytype, self.scheme, {"public": self.public})

    def trusted_now(self) -> bool:
        """Whether to accept something that arrives: a revoked key is refused whatever date the thing bears."""
        return self.revoked is None

    def trusted_at(self, moment: datetime) -> bool:
        """Whether a signature made at `moment` counts.

        Only for a moment that the signer could not choose, such as a place in a hash chain between entries of others.
        """
        return self.since <= moment and (self.revoked is None or moment < self.revoked.at)


class FormerRole(Record):
    """A role that someone held until then, so that what they signed with it can still be read."""

    role: Role
    until: Moment


class Person(Record):
    """A person or a service, with the roles held today."""

    name: Name
    full_name: Line | None = None
    email: Email | None = None
    service: StrictBool = False
    roles: tuple[Role, ...] = ()
    former: tuple[FormerRole, ...] = ()
    keys: tuple[TrustedKey, ...] = Field(default=(), alias="key")

    def held(self, role: Role, moment: datetime) -> bool:
        """Whether this one holds the role today, or still did then."""
        return role in self.roles or any(one.role is role and moment < one.until for one in self.former)

    def key(self, keyid: str) -> TrustedKey | None:
        """This person's key of that name."""
        return next((key for key in self.keys if key.keyid == keyid), None)


@dataclass(frozen=True)
class People:
    """Everyone who is trusted. `source` is where that is written, for messages."""

    persons: tuple[Person, ...] = ()
    source: str = field(default="the people file", compare=False)

    def __post_init__(self) -> None:
        for _, text in conflicts(self.persons):
            raise WrongUse(f"{self.source}: {text}")

    def get(self, name: str) -> Person | None:
        """The person of that name, if there is one."""
        return next((person for person in self.persons if person.name == name), None)

    def person(self, name: str) -> Person:
        """The person of that name."""
        found = self.get(name)
        if found is None:
            known = [person.name for person in self.persons]
            raise WrongUse(f"{self.source} knows nobody called `{name}`.", mend=suggestion(name, known))
        return found

    def holder(self, keyid: str) -> tuple[Person, TrustedKey] | None:
        """Whose key this is."""
        return self._holders.get(keyid)

    @cached_property
    def _holders(self) -> dict[str, tuple[Person, TrustedKey]]:
        return {key.keyid: (person, key) for person in self.persons for key in person.keys}


def conflicts(persons: tuple[Person, ...]) -> Iterator[tuple[Place, str]]:
    """What is wrong between entries that are right one by one, with the place of the later one."""
    names: set[str] = set()
    holders: dict[str, str] = {}
    addresses: dict[str, str] = {}
    for index, person in enumerate(persons):
        place = ("person", str(index))
        if person.name in names:
            yield (*place, "name"), f"there are two entries for `{person.name}`; a name belongs to one person."
        names.add(person.name)
        yield from _role_conflicts(place, person)
        address = "" if person.service else (person.email or "").lower()
        if address and addresses.setdefault(address, person.name) != person.name:
            yield (
                (*place, "email"),
                f"`{person.name}` and `{addresses[address]}` have the same e-mail address; a person has one name.",
            )
        for number, key in enumerate(person.keys):
            if key.keyid in holders:
                holder = holders[key.keyid]
                yield (
                    (*place, "key", str(number), "keyid"),
                    f"key {key.keyid} of `{person.name}` already belongs to `{holder}`; a key belongs to one entry.",
                )
            holders.setdefault(key.keyid, person.name)


def _role_conflicts(place: Place, person: Person) -> Iterator[tuple[Place, str]]:
    for number, role in enumerate(person.roles):
        if role in person.roles[:number]:
            yield (*place, "roles", str(number)), f"`{person.name}` has the role {role} twice."
        if person.service and role in JUDGEMENT:
            yield (*place, "roles", str(number)), f"`{person.name}` is a service; only a person can be {role}."
        if not person.service and role in RECORDING:
            yield (*place, "roles", str(number)), f"`{person.name}` is a person; only a service can be {role}."
