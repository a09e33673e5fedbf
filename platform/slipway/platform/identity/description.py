"""A person in words and as data, for people and scripts that ask who is trusted."""

from typing import Any

from slipway.platform.identity.keys import block_of
from slipway.platform.identity.people import Person, TrustedKey

SHOWN_DIGITS = 12
"""Digits of a keyid where space is short."""


def as_row(person: Person, acting: str | None) -> list[str]:
    """The cells of a table: whether this one acts, name, full name, kind, roles, keys."""
    return [
        "*" if person.name == acting else "",
        person.name,
        person.full_name or "",
        _kind(person),
        ", ".join(person.roles) or "-",
        ", ".join(f"{key.keyid[:SHOWN_DIGITS]}{'' if key.trusted_now() else ' revoked'}" for key in person.keys),
    ]


def as_fields(person: Person, acting: str | None) -> dict[str, str]:
    """All that is known, with what each role means."""
    fields = {
        "name": f"{person.name} (acts here)" if person.name == acting else person.name,
        "full name": person.full_name or "-",
        "e-mail": person.email or "-",
        "kind": _kind(person),
    }
    fields |= {f"role {role}": role.meaning for role in person.roles}
    fields |= {f"former role {one.role}": f"until {one.until}" for one in person.former}
    return fields | {f"key {number}": _key_text(key) for number, key in enumerate(person.keys, start=1)}


def as_data(person: Person, acting: str | None) -> dict[str, Any]:
    """All that is known, with the block of each key."""
    keys = [key.model_dump(mode="json") | {"block": block_of(key.public_key())} for key in person.keys]
    return person.model_dump(mode="json", exclude={"keys"}) | {"keys": keys, "acting": person.name == acting}


def _kind(person: Person) -> str:
    return "service" if person.service else "person"


def _key_text(key: TrustedKey) -> str:
    state = f"revoked from {key.revoked.at} on: {key.revoked.reason}" if key.revoked else f"trusted since {key.since}"
    place = f", in {key.signer}" if key.signer else ""
    return f"{key.keyid} ({key.scheme}{place}), {state}"
