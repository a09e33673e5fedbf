"""How large what a channel holds may be. Devices read no further; those who sign refuse to make what devices refuse."""

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
