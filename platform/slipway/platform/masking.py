"""Keeping passwords that stand inside addresses out of what people and logs see."""

import re

MASK = "********"
_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^/@\s]+@")


def masked(text: str) -> str:
    """The text with the password of every address in it replaced."""
    return _PASSWORD.sub(rf"\g<1>{MASK}@", text)
