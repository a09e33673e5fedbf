"""How names, lines of text and keyids are written, with one sentence for each that says so."""

import re
from typing import Annotated

from pydantic import AfterValidator

from slipway.platform.errors import WrongUse

LONGEST_NAME = 63
LONGEST_LINE = 200
NAME = f"lower-case letters, digits, `.` and `-`, starting with a letter, at most {LONGEST_NAME}, such as `ada`"


def _name(value: str) -> str:
    if len(value) > LONGEST_NAME or not re.fullmatch(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*", value):
        raise ValueError(f"A name is {NAME}")
    return value


def _keyid(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError("A keyid is 64 lower-case hexadecimal digits")
    return value


def _line(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > LONGEST_LINE:
        raise ValueError(f"Expected one line of text, at most {LONGEST_LINE} characters")
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", _line(value)):
        raise ValueError("Expected an address such as `ada@example.org`")
    return value


Name = Annotated[str, AfterValidator(_name)]
Keyid = Annotated[str, AfterValidator(_keyid)]
Line = Annotated[str, AfterValidator(_line)]
Email = Annotated[str, AfterValidator(_email)]


def checked_name(value: str) -> str:
    """The name, where it is one; it also names a file, so nothing else may pass."""
    try:
        return _name(value)
    except ValueError as error:
        raise WrongUse(f"`{value}` is no name. {error}.") from None


def is_name(value: str) -> bool:
    """Whether this is written like a name."""
    try:
        return bool(_name(value))
    except ValueError:
        return False
