"""Quantiles of many numbers in little space, which add up: over time, over streams, over devices.

Values are counted in buckets whose bounds grow by the same factor, so a quantile is right to 4.4 % whatever its size.
The buckets are the same everywhere: merging is adding counts, and what came since an earlier moment is subtracting.
"""

import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from slipway.serving.errors import WrongUse

PER_DOUBLING: Final = 8
SMALLEST: Final = 1e-3
"""Everything up to it, in whatever unit, is in the first bucket; of milliseconds it is a microsecond."""
BUCKETS: Final = 256
"""The last one holds all that is greater than some 3.9 million."""
MOST_COUNTED: Final = 1 << 62
GREATEST: Final = sys.float_info.max


class Quantiles:
    """Numbers from 0 on, counted."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * BUCKETS
        """Of each bucket."""
        self.total = 0.0
        """Their sum."""

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def add(self, value: float, times: int = 1) -> None:
        """Count a number, so often."""
        self.counts[_bucket(value)] += times
        self.total += value * times

    def merge(self, other: "Quantiles") -> None:
        """Count all that the other has counted."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    def since(self, earlier: "Quantiles") -> "Quantiles":
        """What was counted after a copy was taken."""
        found = Quantiles()
        found.counts = [max(mine - its, 0) for mine, its in zip(self.counts, earlier.counts, strict=True)]
        found.total = max(self.total - earlier.total, 0.0)
        return found

    def copy(self) -> "Quantiles":
        """The same numbers, which later ones do not change."""
        found = Quantiles()
        found.counts, found.total = self.counts.copy(), self.total
        return found

    def quantile(self, share: float) -> float:
        """The number that so great a share is not above; 0 where nothing was counted."""
        left = share * self.count
        for index, count in enumerate(self.counts):
            left -= count
            if count and left <= 0:
                return _middle(index)
        return 0.0

    def buckets(self) -> Iterator[tuple[float, int]]:
        """Upper bound and count of each bucket that holds something, rising; the last bound is infinite."""
        for index, count in enumerate(self.counts):
            if count:
                yield (_bound(index) if index < BUCKETS - 1 else math.inf), count

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it: the sum, and the counts of buckets by their number."""
        counts = {str(index): count for index, count in enumerate(self.counts) if count}
        return {"total": self.total, "counts": counts}

    @classmethod
    def from_json(cls, told: object) -> "Quantiles":
        """What `to_json` gave; anything else, which may come from anybody, is refused."""
        if not isinstance(told, dict) or told.keys() != {"total", "counts"} or not isinstance(told["counts"], dict):
            raise WrongUse("No quantiles: expected `total` and `counts`.")
        found, total = cls(), told["total"]
        if isinstance(total, bool) or not isinstance(total, int | float) or not 0 <= total <= GREATEST:
            raise WrongUse("The sum of what was counted is no number from 0.")
        found.total = float(total)
        found._fill(told["counts"])
        return found

    def _fill(self, counts: Mapping[object, object]) -> None:
        numbers = {str(index): index for index in range(BUCKETS)}
        for name, count in counts.items():
            index = numbers.get(name) if isinstance(name, str) else None
            if index is None:
                raise WrongUse(f"Quantiles have no bucket {str(name)[:20]!r}; expected 0 to {BUCKETS - 1}.")
            if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_COUNTED:
                raise WrongUse(f"Bucket {index} of quantiles holds no count.")
            self.counts[index] = count


def _bucket(value: float) -> int:
    if not value > SMALLEST:  # also what is no number
        return 0
    if value == math.inf:
        return BUCKETS - 1
    return min(math.ceil(math.log2(value / SMALLEST) * PER_DOUBLING), BUCKETS - 1)


def _bound(index: int) -> float:
    return float(SMALLEST * 2.0 ** (index / PER_DOUBLING))


def _middle(index: int) -> float:
    """What stands for all numbers of a bucket."""
    return float(SMALLEST * 2.0 ** ((index - 0.5) / PER_DOUBLING)) if index else 0.0
