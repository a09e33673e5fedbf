"""How often one device may ask, and all together at an address who prove nothing: a bucket that fills as time goes by.

Only a device that has proved which one it is has a bucket of its own, so nobody can use up what belongs to it. People
who have proved who they are ask as often as they like.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MOST: Final = 50_000
"""Buckets; the one that was used longest ago goes first."""
BURST: Final = 2.0
"""Minutes that can be saved up."""


class Limits:
    """The buckets; used by one thread."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, per_minute * BURST)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def ask(self, whose: str) -> float | None:
        """Take one; where there is none, the seconds until there will be."""
        now = self._clock()
        left, since = self._left.pop(whose, (self._most, now))
        left = min(self._most, left + (now - since) * self._rate)
        waits = None if left >= 1 else (1 - left) / self._rate
        self._left[whose] = (left - (waits is None), now)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        return waits
