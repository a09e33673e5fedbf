"""How far the make-up of the data moved between two snapshots, slice by slice, and whether that is more than noise.

The distance is Jensen-Shannon's (0: the same shares, 1: nothing in common). The significance is a chi-square test of
"both are draws from one population" that knows which rows both snapshots have: rows in common cannot differ by chance,
so a small addition to a large snapshot is judged by its own size. A slice is said to have shifted when the distance
is worth a look *and* chance is unlikely; `test_shift` shows both sides. Frames of one sequence are more alike than the
test assumes, which is why the distance has a floor of its own.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from slipway.platform.data.columns import column_of, counted
from slipway.platform.data.matching import codes, pairs
from slipway.platform.data.schema import SLICE_PREFIX
from slipway.platform.data.snapshot import Snapshot

IMAGE_SLICES: Final = ("split", "site", "camera", "light", "weather", "label_state")
BOX_SLICES: Final = ("category",)
WORTH_A_LOOK: Final = 0.1
UNLIKELY: Final = 0.001
FEWEST: Final = 5.0
"""Values with fewer expected rows are judged together: the test is no good for them one by one."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """One slice column: how many rows have each value before and after, and what to think of it."""

    column: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    distance: float
    chance: float
    """How likely a difference of this size is if nothing but chance is behind it."""

    @property
    def shifted(self) -> bool:
        """Large enough to matter and too large for chance."""
        return self.distance >= WORTH_A_LOOK and self.chance < UNLIKELY

    def shares(self) -> list[tuple[str, float, float]]:
        """Values with their shares before and after, the largest change first."""
        total_before, total_after = max(1, sum(self.before.values())), max(1, sum(self.after.values()))
        rows = [
            (value, self.before.get(value, 0) / total_before, self.after.get(value, 0) / total_after)
            for value in {**self.before, **self.after}
        ]
        return sorted(rows, key=lambda row: (-abs(row[2] - row[1]), row[0]))


def shifts(before: Snapshot, after: Snapshot) -> tuple[Shift, ...]:
    """Every slice column of both snapshots, the largest distance first."""
    slices = sorted(
        {name for one in (before, after) for name in one.index.column_names if name.startswith(SLICE_PREFIX)}
    )
    images = pairs(*codes((before.index, after.index), ("sample",)))[0].size
    boxes = pairs(*codes((before.boxes, after.boxes), ("sample", "x", "y", "w", "h")))[0].size
    found = [_shift(name, before.index, after.index, images) for name in (*IMAGE_SLICES, *slices)]
    found += [_shift(name, before.boxes, after.boxes, boxes) for name in BOX_SLICES]
    return tuple(sorted(found, key=lambda one: (not one.shifted, -one.distance, one.column)))


def distance(before: Floats, after: Floats) -> float:
    """Jensen-Shannon distance of two counts over the same values, with logarithms to base 2."""
    if before.sum() == 0 or after.sum() == 0:
        return 0.0 if before.sum() == after.sum() else 1.0
    first, second = before / before.sum(), after / after.sum()
    middle = (first + second) / 2
    divergence = (_divergence(first, middle) + _divergence(second, middle)) / 2
    return math.sqrt(min(1.0, max(0.0, divergence)))


def chance(before: Floats, after: Floats, common: int) -> float:
    """The p-value of the difference, where `common` rows are in both."""
    total_before, total_after = before.sum(), after.sum()
    if total_before == 0 or total_after == 0:
        return 1.0 if total_before == total_after else 0.0
    before, after = _pooled(before, after)
    difference = after / total_after - before / total_before
    if not difference.any():
        return 1.0
    # The variance of a share's difference, in units of the share: rows in common cancel but for their weights.
    spread = common * (1 / total_after - 1 / total_before) ** 2
    spread += (total_after - common) / total_after**2 + (total_before - common) / total_before**2
    if spread == 0:
        return 0.0  # the same rows say something else now: somebody changed them
    expected = (before + after) / (total_before + total_after)
    return chi_square_tail(float((difference**2 / (expected * spread)).sum()), len(before) - 1)


def chi_square_tail(value: float, freedom: int) -> float:
    """The probability of at least `value` under chi-square with whole degrees of freedom, in closed form."""
    if freedom <= 0 or value <= 0:
        return 1.0
    half = value / 2
    start = 0.5 if freedom % 2 else 0.0
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    terms = (start + step for step in range((freedom + 1) // 2))
    for exponent in terms:
        if exponent >= freedom / 2:
            break
        tail += math.exp(exponent * math.log(half) - half - math.lgamma(exponent + 1))
    return min(1.0, tail)


def _shift(column: str, before: pa.Table, after: pa.Table, common: int) -> Shift:
    first, second = (counted(column_of(table, column)) for table in (before, after))
    values = sorted({**first, **second})
    left = np.array([first.get(value, 0) for value in values], np.float64)
    right = np.array([second.get(value, 0) for value in values], np.float64)
    return Shift(column, first, second, distance(left, right), chance(left, right, common))


def _divergence(first: Floats, second: Floats) -> float:
    present = first > 0
    return float((first[present] * np.log2(first[present] / second[present])).sum())


def _pooled(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """The rare values as one."""
    smaller = min(before.sum(), after.sum())
    rare = (before + after) / (before.sum() + after.sum()) * smaller < FEWEST
    if rare.sum() < 2:  # noqa: PLR2004 - one rare value stays what it is
        return before, after
    return (np.r_[before[~rare], before[rare].sum()], np.r_[after[~rare], after[rare].sum()])
