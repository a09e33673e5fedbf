"""A sketch of vectors: how many there were, their mean and their spread by dimension.

Two sketches of the same length add up to the sketch of both, so a fleet knows the middle of its embeddings without any
of them leaving a device.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LONGEST: Final = 1024
"""Dimensions of a vector that is sketched."""
DIGITS: Final = 6

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Of vectors of one length."""

    count: int
    mean: Values
    squares: Values
    """Sum of squared distances from the mean, by dimension."""

    @classmethod
    def of(cls, rows: Values) -> "Moments":
        """Of these rows."""
        mean = rows.mean(0)
        return cls(len(rows), mean, ((rows - mean) ** 2).sum(0))

    def __add__(self, other: "Moments") -> "Moments":
        count = self.count + other.count
        between = other.mean - self.mean
        mean = self.mean + between * (other.count / count)
        squares = self.squares + other.squares + between**2 * (self.count * other.count / count)
        return Moments(count, mean, squares)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "count": self.count,
            "mean": [float(f"{one:.{DIGITS}g}") for one in self.mean],
            "squares": [float(f"{one:.{DIGITS}g}") for one in self.squares],
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Moments":
        """What `as_json` gave."""
        return cls(told["count"], np.asarray(told["mean"], np.float64), np.asarray(told["squares"], np.float64))
