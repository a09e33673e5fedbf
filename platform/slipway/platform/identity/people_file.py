"""Reading the people file: TOML that people review like code.

    [[person]]
    name = "ada"
    roles = ["trainer", "approver"]

    [[person.key]]
    keytype = "ed25519"
    scheme = "ed25519"
    public = "…"
    keyid = "…"
    since = 2026-01-31T09:00:00Z

Every slip is told with its line, what was found and the nearest valid name, all of them at once. A file that does not
exist is one without people. `people_text` changes such a text, `people_store` the file.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from slipway.platform.errors import WrongUse
from slipway.platform.identity.people import (
    FormerRole,
    People,
    Person,
    Place,
    Record,
    Revocation,
    TrustedKey,
    conflicts,
)
from slipway.platform.identity.roles import Role
from slipway.platform.names import suggestion
from slipway.platform.settings.toml_lines import statement_lines

Finding = tuple[Place, str, str | None]
"""Where something is wrong, what, and what to do about it."""


class Content(Record):
    """The file as a whole."""

    person: tuple[Person, ...] = ()


TABLES: Mapping[str, type[BaseModel]] = {
    "person": Person,
    "former": FormerRole,
    "key": TrustedKey,
    "revoked": Revocation,
}
"""Which model holds the fields of a table."""

LONGEST_SHOWN = 80
"""Characters of a value in a message."""


def load_people(path: Path) -> People:
    """Everyone in the file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    return parse_people(data, str(path))


def parse_people(data: bytes, source: str) -> People:
    """Everyone in a people file's bytes; `source` is its name in messages."""
    try:
        text = data.decode()
        content = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongUse(f"{source} is not TOML: {error}", mend="Correct that line; `#` starts a comment.") from None
    persons, findings = _checked(content)
    if findings:
        lines = statement_lines(text)
        message = "\n".join(f"{source}:{_line(lines, place)}: {what}" for place, what, _ in findings)
        raise WrongUse(message, mend=next((mend for *_, mend in findings if mend), None))
    return People(persons, source)


def _checked(content: dict[str, Any]) -> tuple[tuple[Person, ...], list[Finding]]:
    """The people, and all that is wrong with them."""
    try:
        persons = Content.model_validate(content).person
    except ValidationError as error:
        return (), [_finding(detail, content) for detail in error.errors(include_url=False)]
    return persons, [(place, what, None) for place, what in conflicts(persons)]


def _finding(detail: ErrorDetails, content: dict[str, Any]) -> Finding:
    place = tuple(str(part) for part in detail["loc"])
    names = [part for part in place if not part.isdecimal()]
    *tables, field = names
    whose = f"`{field}` of {_owner(place, content)}" if tables else f"`{field}`"
    match detail["type"]:
        case "extra_forbidden":
            valid = _fields(TABLES[tables[-1]] if tables else Content)
            return place, f"{whose} is unknown.", suggestion(field, valid)
        case "missing":
            return place, f"{whose} is missing.", None
        case "enum":
            return place, f"{whose} has {detail['input']!r}, which is no role.", suggestion(str(detail["input"]), Role)
    return place, f"{whose} is {_shown(detail['input'])}. {detail['msg'].removeprefix('Value error, ')}.", None


def _owner(place: Place, content: dict[str, Any]) -> str:
    """Whose entry a place lies in: by name where there is one, else by number."""
    try:
        return f"`{content['person'][int(place[1])]['name']}`"
    except (KeyError, IndexError, TypeError, ValueError):
        return f"person {int(place[1]) + 1}" if place[1:2] and place[1].isdecimal() else "a person"


def _fields(model: type[BaseModel]) -> Iterator[str]:
    """The names of a table's fields as they are written."""
    return (field.alias or name for name, field in model.model_fields.items())


def _shown(value: object) -> str:
    """A value in a message, short."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _line(lines: Mapping[Place, int], place: Place) -> int:
    """The line of a place, or of the nearest table around it."""
    return next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), 1)
