"""What may change about people: someone is trusted, a key is revoked.

Pure functions from people to people. They only add: a key that was revoked does not come back, a key does not move to
another name. Taking a role away is an edit of the file by hand, which its reviewers see.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from securesystemslib.signer import SSlibKey

from slipway.platform.errors import WrongUse
from slipway.platform.identity.people import People, Person, Revocation, TrustedKey
from slipway.platform.identity.roles import Role
from slipway.platform.names import suggestion

KEYID_PREFIX = 8
"""How many digits of a keyid are enough to name a key to a command."""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What is to hold about someone; what is left out stays as it is."""

    name: str
    key: SSlibKey | None = None
    signer: str | None = None
    roles: tuple[Role, ...] = ()
    full_name: str | None = None
    email: str | None = None
    service: bool = False


def trusting(people: People, trust: Trust, since: datetime) -> People:
    """The people once `trust` holds; equal to those before where it held already."""
    person = people.get(trust.name)
    if person is None:
        if trust.key is None:
            known = suggestion(trust.name, [one.name for one in people.persons])
            raise WrongUse(
                f"{people.source} knows nobody called `{trust.name}`, and no key is given.",
                mend=f"{known} Someone new is trusted with a key: --key FILE.",
            )
        new = new_person(trust, _keys(people, trust, (), since))
        return replace(people, persons=(*people.persons, new))
    if trust.service and not person.service:
        raise WrongUse(f"`{person.name}` is a person in {people.source}.", mend="Give the service a name of its own.")
    changed = _checked_person(
        name=person.name,
        full_name=trust.full_name or person.full_name,
        email=trust.email or person.email,
        service=person.service,
        roles=tuple(dict.fromkeys((*person.roles, *trust.roles))),
        former=person.former,
        key=_keys(people, trust, person.keys, since),
    )
    return _replaced(people, changed)


def new_person(trust: Trust, keys: tuple[TrustedKey, ...]) -> Person:
    """The entry of someone who was not known before."""
    return _checked_person(
        name=trust.name,
        full_name=trust.full_name,
        email=trust.email,
        service=trust.service,
        roles=tuple(dict.fromkeys(trust.roles)),
        key=keys,
    )


def revoking(people: People, keyid: str, revocation: Revocation) -> People:
    """The people once the key is revoked; where it was already, at most the entry that nobody has named is added."""
    person, key = named_key(people, keyid)
    if key.revoked is not None:
        if key.revoked.entry is not None or revocation.entry is None:
            return people
        revocation = key.revoked.model_copy(update={"entry": revocation.entry})
    revoked = key.model_copy(update={"revoked": revocation})
    keys = tuple(revoked if one is key else one for one in person.keys)
    return _replaced(people, person.model_copy(update={"keys": keys}))


def revocation(at: str | None, reason: str, now: datetime, entry: int | None = None) -> Revocation:
    """A revocation as a person words it: from a time on that is written out, or from now on."""
    try:
        moment = now if at is None else datetime.fromisoformat(at)
        found = Revocation(at=moment, reason=reason, entry=entry)
    except ValidationError as error:
        raise _wrong(error) from None
    except ValueError:
        raise WrongUse(f"`{at}` is no time.", mend="Write it like 2026-01-31T09:00:00Z.") from None
    if found.at > now:
        raise WrongUse(f"{at} is in the future.", mend="Leave --at out to revoke the key from now on.")
    return found


def named_key(people: People, keyid: str) -> tuple[Person, TrustedKey]:
    """The one key whose keyid starts with these digits, and whose it is."""
    found = [(person, key) for person in people.persons for key in person.keys if key.keyid.startswith(keyid)]
    if len(keyid) < KEYID_PREFIX or len(found) != 1:
        what = f"{len(found)} keys start" if found else "No key starts"
        raise WrongUse(
            f"{what} with `{keyid}` in {people.source}; expected the first {KEYID_PREFIX} digits or more of one.",
            mend="`slipway identity show` lists the keys.",
        )
    return found[0]


def _keys(people: People, trust: Trust, keys: tuple[TrustedKey, ...], since: datetime) -> tuple[TrustedKey, ...]:
    """Someone's keys with the new one, unless it is there."""
    if trust.key is None:
        return keys
    held = people.holder(trust.key.keyid)
    if held is None:
        return (*keys, TrustedKey.of(trust.key, since, trust.signer))
    holder, key = held
    if holder.name != trust.name:
        raise WrongUse(
            f"This key already belongs to `{holder.name}` in {people.source}.", mend="A key belongs to one name."
        )
    if key.revoked is not None:
        raise WrongUse(
            f"This key of `{holder.name}` was revoked ({key.revoked.reason}) and does not come back.",
            mend=f"`{holder.name}` makes a new key.",
        )
    moved = key if trust.signer is None else key.model_copy(update={"signer": trust.signer})
    return tuple(moved if one is key else one for one in keys)


def _checked_person(**fields: Any) -> Person:  # noqa: ANN401 - fields, which Person checks
    try:
        return Person.model_validate(fields)
    except ValidationError as error:
        raise _wrong(error) from None


def _wrong(error: ValidationError) -> WrongUse:
    detail = error.errors(include_url=False)[0]
    what = detail["msg"].removeprefix("Value error, ")
    return WrongUse(f"`{detail['loc'][0]}` is {str(detail['input'])!r}. {what}.")


def _replaced(people: People, person: Person) -> People:
    return replace(people, persons=tuple(person if one.name == person.name else one for one in people.persons))
