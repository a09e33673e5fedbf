"""Words that notices share."""

from collections.abc import Sequence
from typing import Final

NAMED: Final = 3
"""So many devices are named."""


def told_names(devices: Sequence[str]) -> str:
    """The first of them, and how many more."""
    more = len(devices) - NAMED
    return f"{', '.join(devices[:NAMED])}{f' and {more:,} more' if more > 0 else ''}"


def told_devices(count: int) -> str:
    """So many devices."""
    return f"{count:,} device{'' if count == 1 else 's'}"
