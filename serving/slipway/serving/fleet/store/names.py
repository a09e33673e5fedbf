"""Which records of a spool are stored, in little space: ranges of their numbers.

A spool numbers its records upwards and sends them in that order, but some never come: they made room for others. So
there are gaps, and a record that fills one is new. Only so many gaps are remembered; the oldest is taken for filled.
"""

import json
from bisect import bisect_right
from typing import Final

MOST: Final = 64
"""Ranges of one spool."""


class Ranges:
    """Numbers, as ranges with both ends."""

    def __init__(self, text: str = "[]") -> None:
        self._pairs: list[list[int]] = json.loads(text)

    def add(self, number: int) -> bool:
        """Take a number over; whether it is new."""
        place = bisect_right(self._pairs, number, key=lambda pair: pair[0])
        before = self._pairs[place - 1] if place else None
        if before is not None and number <= before[1]:
            return False
        after = self._pairs[place] if place < len(self._pairs) else None
        if before is not None and before[1] == number - 1:
            before[1] = number
            if after is not None and after[0] == number + 1:
                before[1] = after[1]
                del self._pairs[place]
        elif after is not None and after[0] == number + 1:
            after[0] = number
        else:
            self._pairs.insert(place, [number, number])
            self._forget()
        return True

    def _forget(self) -> None:
        while len(self._pairs) > MOST:
            self._pairs[0][1] = self._pairs[1][1]
            del self._pairs[1]

    def to_text(self) -> str:
        """As the table has it."""
        return json.dumps(self._pairs, separators=(",", ":"))
