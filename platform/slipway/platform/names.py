"""Suggesting the nearest valid name, the same way everywhere."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that `name` was most likely meant to be, if any is close."""
    matches = get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return matches[0] if matches else None


def suggestion(name: str, valid: Iterable[str]) -> str:
    """A sentence for an error's `mend`: the nearest valid name, or all of them."""
    names = sorted(valid)
    close = nearest(name, names)
    if close is not None:
        return f"Did you mean `{close}`?"
    return f"Valid names: {', '.join(names)}." if names else "There are none yet."
