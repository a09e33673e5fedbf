"""Pauses between attempts: growing, random, bounded.

The random part keeps many waiters from coming back together. What waits takes a `Pause`, so that a test can count
pauses instead of sitting them out.
"""

import random
import time
from collections.abc import Callable

Pause = Callable[[int], None]
"""Called with the number of the attempt that has just failed, counted from 1."""

_FIRST_SECONDS = 0.1
_LONGEST_SECONDS = 5.0


def pause_bound(attempt: int) -> float:
    """The longest that the pause after `attempt` may take, in seconds."""
    return min(_FIRST_SECONDS * 2.0 ** (attempt - 1), _LONGEST_SECONDS)


def pause(attempt: int) -> None:
    """Wait a random part of this attempt's bound."""
    time.sleep(random.uniform(0.0, pause_bound(attempt)))  # noqa: S311 - spreads load, guards nothing
