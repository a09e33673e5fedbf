"""Chance without a generator's history: every draw is a pure function of the names that it is asked under.

`Chance(seed, "day", 3)` gives the same draws on every machine and in every process, so days and cameras can be rendered
side by side, and one more day changes nothing before it. Pixel noise comes from Philox integers under the same kind of
key. Nothing here calls exp, log or trigonometry, whose last bits differ between processors.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Name = str | int

_STEPS: Final = 1 << 40
_MASK: Final = (1 << 64) - 1


class Chance:
    """A named source of draws; `of` names a further one."""

    def __init__(self, *names: Name) -> None:
        self._names = names
        self._drawn = 0

    def of(self, *names: Name) -> "Chance":
        """An independent source under a longer name."""
        return Chance(*self._names, *names)

    def whole(self, below: int) -> int:
        """A whole number from 0 to below `below`."""
        self._drawn += 1
        return int.from_bytes(_digest(*self._names, self._drawn)[:8], "big") % below

    def between(self, low: float, high: float) -> float:
        """A number of an evenly spread range."""
        return low + (high - low) * (self.whole(_STEPS) / _STEPS)

    def happens(self, share: float) -> bool:
        """Whether something that happens in this share of the cases does."""
        return self.between(0.0, 1.0) < share

    def pick(self, choices: Sequence[T]) -> T:
        """One of several, all alike likely."""
        return choices[self.whole(len(choices))]

    def shuffled(self, choices: Sequence[T]) -> list[T]:
        """All of them in another order."""
        rest = list(choices)
        return [rest.pop(self.whole(len(rest))) for _ in range(len(rest))]

    def noise(self, count: int) -> npt.NDArray[np.uint8]:
        """Evenly spread bytes, the same for the same name."""
        words = int.from_bytes(_digest(*self._names, "noise")[:16], "big")
        philox = np.random.Philox(key=[words & _MASK, words >> 64])
        return philox.random_raw((count + 7) // 8).view(np.uint8)[:count]


def _digest(*names: Name) -> bytes:
    return hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=16).digest()


def cell_hash(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64], salt: int) -> npt.NDArray[np.uint8]:
    """A byte for each cell of a grid without bounds: the grain of the ground."""
    mixed = (x * 0x27D4EB2F + y * 0x165667B1 + salt * 0x9E3779B1) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    mixed = (mixed * 0x2C1B3C6D) & 0xFFFFFFFF
    mixed ^= mixed >> 12
    mixed = (mixed * 0x297A2D39) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return (mixed & 0xFF).astype(np.uint8)
