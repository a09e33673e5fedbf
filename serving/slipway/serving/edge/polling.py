"""When to look at the channel next, and how much may be fetched today: pure functions, told time and chance.

After a look that went well the wait is the usual one, a little longer or shorter by chance, so that a fleet that lost
its power at once does not come back at once. After a failed one it doubles with each failure up to a longest, and
chance takes up to half of it away.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from slipway.serving.edge.configuration import Budget, Polling

FIRST_S: Final = 10.0
"""By then the first look after a start has begun."""
_DOUBLINGS: Final = 32


def chance(seed: str, turn: int) -> float:
    """A number in [0, 1) that is another one for each device and each turn, and always the same for both."""
    drawn = hashlib.sha256(f"{seed}:{turn}".encode()).digest()
    return int.from_bytes(drawn[:6], "big") / (1 << 48)


def first_wait(drawn: float) -> float:
    """Seconds from the start of the agent until it looks; `drawn` is chance."""
    return FIRST_S * drawn


def next_wait(polling: Polling, failures: int, drawn: float) -> float:
    """Seconds until the next look, after so many failed ones in a row; `drawn` is chance."""
    if failures <= 0:
        return polling.every_s * (1 + polling.spread * (2 * drawn - 1))
    longest = max(polling.longest_s, polling.every_s)
    return min(longest, polling.every_s * float(2 ** min(failures - 1, _DOUBLINGS))) * (1 - drawn / 2)


@dataclass(frozen=True)
class Spent:
    """What was fetched on a day, by the device's clock, in UTC."""

    day: date
    bytes: int = 0

    def on(self, now: datetime) -> "Spent":
        """The same as of now: on another day nothing was spent, on an earlier one as well, as clocks are set right."""
        return self if now.date() == self.day else Spent(now.date())

    def plus(self, number: int) -> "Spent":
        """After so many bytes more."""
        return replace(self, bytes=self.bytes + number)

    def left(self, budget: Budget) -> int | None:
        """How much may still be fetched; None is without limit."""
        return None if budget.bytes_per_day is None else max(0, budget.bytes_per_day - self.bytes)
