"""How large what a channel holds may be. Devices read no further; those who sign refuse to make what devices refuse."""

from datetime import datetime
from typing import Final

LARGEST_ROOT: Final = 64 * 1024
LARGEST_TIMESTAMP: Final = 16 * 1024
LARGEST_SNAPSHOT: Final = 16 * 1024
LARGEST_TARGETS: Final = 4 * 1024 * 1024
"""Of the roles that list files."""
ROOT_ROTATIONS: Final = 256
"""How many roots after the one that it was enrolled with a device follows: decades of yearly ones and of rotations."""
MOST: Final = 2**53
"""The largest version, sequence or number: what every reader of JSON can hold."""
DELEGATIONS: Final = 4
"""How many roles a device asks for one file: targets, models and channels, and one to spare."""
FIRST_YEAR: Final = 1971
LAST_YEAR: Final = 9000


def near(moment: datetime) -> datetime:
    """A moment that can be told in every zone, and from which times are counted."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"Expected a year from {FIRST_YEAR} to {LAST_YEAR}, found {moment.year}")
    return moment
