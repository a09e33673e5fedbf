"""Changing the text of a people file: only what differs, with its comments, order and spelling kept.

The result is read back before anyone gets it, so a text that is written in an unforeseen way is refused, never damaged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import tomlkit
from tomlkit.items import AoT, Array, Comment, InlineTable, Item, Table, Whitespace

from slipway.platform.errors import WrongUse
from slipway.platform.identity.people import People, Person, Revocation, TrustedKey
from slipway.platform.identity.people_file import parse_people

HEADING = "# The people and services that are trusted here, and their public keys. Reviewed like code.\n"


def rewritten(text: str, people: People) -> str:
    """The text of a people file, changed so that it says `people`."""
    before = parse_people(text.encode(), people.source)
    if before == people:
        return text
    document = tomlkit.parse(text if text.endswith("\n") else text + "\n" if text else HEADING)
    entries = document.setdefault("person", tomlkit.aot())
    if isinstance(entries, AoT):
        tables = dict(zip((person.name for person in before.persons), entries.body, strict=True))
        for person in people.persons:
            old = before.get(person.name)
            if old is None:
                entries.append(_person_table(person))
            elif old != person:
                _update(tables[person.name], old, person)
    result = document.as_string()
    if parse_people(result.encode(), people.source) != people:
        raise WrongUse(
            f"{people.source} is written in a way that cannot be changed without rewriting it.",
            mend="Write each person as [[person]] and each key as [[person.key]], then try again.",
        )
    return result


def _update(table: Table, old: Person, new: Person) -> None:
    """Add to a person's table what it does not say yet."""
    with _trailing_comments_last(table):
        for name, value in _fields(new).items():
            if _fields(old).get(name) != value:
                table[name] = value
        _add_roles(table, [str(role) for role in new.roles if role not in old.roles])
    for key in new.keys:
        known = old.key(key.keyid)
        if known is None:
            with _trailing_comments_last(table):
                table.setdefault("key", tomlkit.aot()).append(_key_table(key))
        elif known != key:
            _update_key(table["key"][old.keys.index(known)], key)


def _update_key(table: Table, key: TrustedKey) -> None:
    with _trailing_comments_last(table):
        if key.signer is not None:
            table["signer"] = key.signer
        if key.revoked is not None:
            table["revoked"] = _inline_revocation(key.revoked)


def _add_roles(table: Table, added: list[str]) -> None:
    roles = table.setdefault("roles", tomlkit.array()) if added else None
    if isinstance(roles, Array):
        roles.extend(added)


def _person_table(person: Person) -> Table:
    table = _spaced_table()
    table["name"] = person.name
    for name, value in _fields(person).items():
        table[name] = value
    table["roles"] = [str(role) for role in person.roles]
    if person.keys:
        written = tomlkit.aot()
        for key in person.keys:
            written.append(_key_table(key))
        table["key"] = written
    return table


def _fields(person: Person) -> dict[str, str | bool]:
    """A person's plain fields apart from the name, without those that say nothing."""
    fields = {"full_name": person.full_name, "email": person.email, "service": person.service}
    return {name: value for name, value in fields.items() if value}


def _key_table(key: TrustedKey) -> Table:
    table = _spaced_table()
    table["keytype"] = key.keytype
    table["scheme"] = key.scheme
    table["public"] = tomlkit.string(key.public, multiline="\n" in key.public)
    table["keyid"] = key.keyid
    table["since"] = _utc(key.since)
    if key.signer is not None:
        table["signer"] = key.signer
    if key.revoked is not None:
        table["revoked"] = _inline_revocation(key.revoked)
    return table


def _inline_revocation(revocation: Revocation) -> InlineTable:
    table = tomlkit.inline_table()
    table["at"] = _utc(revocation.at)
    table["reason"] = revocation.reason
    if revocation.entry is not None:
        table["entry"] = revocation.entry
    return table


def _spaced_table() -> Table:
    """A table with an empty line before its header."""
    table = tomlkit.table()
    table.trivia.indent = "\n"
    return table


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


@contextmanager
def _trailing_comments_last(table: Table) -> Iterator[None]:
    """Keep what stands after a table's last value, which mostly belongs to the next entry, behind what is added."""
    body = _last_part(table).value.body
    trailing: list[tuple[None, Item]] = []
    while body and isinstance(body[-1][1], Whitespace | Comment):
        trailing.insert(0, (None, body.pop()[1]))
    yield
    _last_part(table).value.body.extend(trailing)


def _last_part(table: Table) -> Table:
    """The table itself, or the one inside it that ends it."""
    last = table.value.body[-1][1] if table.value.body else None
    if isinstance(last, AoT) and last.body:
        return _last_part(last.body[-1])
    return _last_part(last) if isinstance(last, Table) else table
