"""Words that commands and pages share."""

from typing import Final

_SPANS: Final = (("d", 86_400), ("h", 3600), ("min", 60))


def seconds_ago(seconds: float) -> str:
    """How long ago, in one unit."""
    for unit, size in _SPANS:
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
