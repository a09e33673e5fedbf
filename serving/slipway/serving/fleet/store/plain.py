"""Text that others choose and people see in a terminal: without letters that steer one, or that turn text around."""

import re
from typing import Final

STEERING: Final = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""As a class of a regular expression has it; PostgreSQL keeps the first of them in no text."""
_STEERING: Final = re.compile(f"[{STEERING}]")


def plain(text: str) -> str:
    """With a space in the place of each."""
    return _STEERING.sub(" ", text)


def is_plain(text: str) -> bool:
    """Whether there is none."""
    return _STEERING.search(text) is None
