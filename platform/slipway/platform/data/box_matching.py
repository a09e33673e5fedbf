"""Which box of an image became which, although boxes have no names.

Boxes that agree in everything are the same. Of the rest, in this order: the same place, the same track, the same
identity, and at last the pair that covers each other best, by at least half. What is left was added or removed.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from slipway.platform.data.columns import Ints, missing, take
from slipway.platform.data.matching import codes, pairs, without
from slipway.platform.data.schema import BOXES

PLACE: Final = ("x", "y", "w", "h")
ENOUGH: Final = 0.5
"""Overlap (intersection over union) from which two boxes are the same object."""
MOST_PAIRS: Final = 4_000_000
"""Candidate pairs looked at together: memory stays small also where an image has hundreds of boxes."""

Floats = NDArray[np.float64]


def identical(before: pa.Table, after: pa.Table) -> tuple[Ints, Ints]:
    """Positions of boxes that agree in every column, pair by pair."""
    return pairs(*codes((before, after), BOXES.names))


def same_object(before: pa.Table, after: pa.Table) -> tuple[Ints, Ints]:
    """Positions of boxes that are one object labelled differently; both tables without the identical ones."""
    found: list[tuple[Ints, Ints]] = []
    left, right = np.arange(before.num_rows), np.arange(after.num_rows)
    for columns in (PLACE, ("track",), ("identity",)):
        named = [_named(table, rest, columns) for table, rest in ((before, left), (after, right))]
        keys = codes([take(table, rest) for table, rest in zip((before, after), named, strict=True)],
                     ("sample", *columns))  # fmt: skip
        first, second = pairs(*keys)
        found.append((named[0][first], named[1][second]))
        left = np.setdiff1d(left, found[-1][0], assume_unique=True)
        right = np.setdiff1d(right, found[-1][1], assume_unique=True)
    first, second = _overlapping(take(before, left), take(after, right))
    found.append((left[first], right[second]))
    return np.concatenate([one for one, _ in found]), np.concatenate([other for _, other in found])


def _named(table: pa.Table, rest: Ints, columns: tuple[str, ...]) -> Ints:
    """Of the rest, the rows that have a value in these columns: what has no track shares none."""
    valid = np.ones(table.num_rows, bool)
    for column in columns:
        valid &= ~missing(table[column])
    return rest[valid[rest]]


def _overlapping(before: pa.Table, after: pa.Table) -> tuple[Ints, Ints]:
    """The best pairs in each image: both prefer each other, and again among those that are left."""
    first, second, overlap = _candidates(before, after)
    found_first, found_second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    while len(first):
        best_of_first = np.zeros(before.num_rows)
        best_of_second = np.zeros(after.num_rows)
        np.maximum.at(best_of_first, first, overlap)
        np.maximum.at(best_of_second, second, overlap)
        mutual = np.flatnonzero((overlap == best_of_first[first]) & (overlap == best_of_second[second]))
        # Where two pairs are equally good, the first one in the tables' order is taken.
        mutual = mutual[np.unique(first[mutual], return_index=True)[1]]
        mutual = mutual[np.unique(second[mutual], return_index=True)[1]]
        found_first.append(first[mutual])
        found_second.append(second[mutual])
        free = ~np.isin(first, first[mutual]) & ~np.isin(second, second[mutual])
        first, second, overlap = first[free], second[free], overlap[free]
    return np.concatenate(found_first), np.concatenate(found_second)


def _candidates(before: pa.Table, after: pa.Table) -> tuple[Ints, Ints, Floats]:
    """All pairs of one image that cover each other enough, with how much."""
    left, right = codes((before, after), ("sample",))
    order = np.argsort(right, kind="stable")
    begin = np.searchsorted(right[order], left, "left")
    number = np.searchsorted(right[order], left, "right") - begin
    corners = [np.stack([table[name].to_numpy() for name in PLACE], axis=1) for table in (before, after)]
    kept: list[tuple[Ints, Ints, Floats]] = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for part in _parts(number):
        first = np.repeat(part, number[part])
        within = np.arange(len(first)) - np.repeat(np.cumsum(number[part]) - number[part], number[part])
        second = order[np.repeat(begin[part], number[part]) + within]
        overlap = _overlap(corners[0][first], corners[1][second])
        enough = overlap >= ENOUGH
        kept.append((first[enough], second[enough], overlap[enough]))
    return (
        np.concatenate([one[0] for one in kept]),
        np.concatenate([one[1] for one in kept]),
        np.concatenate([one[2] for one in kept]),
    )


def _parts(number: Ints) -> list[Ints]:
    """Rows in runs of so many pairs that memory stays small."""
    rows = np.flatnonzero(number)
    run = np.cumsum(number[rows]) // MOST_PAIRS
    return np.split(rows, np.flatnonzero(np.diff(run)) + 1) if len(rows) else []


def _overlap(first: Floats, second: Floats) -> Floats:
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    union = first[:, 2:].prod(axis=1) + second[:, 2:].prod(axis=1) - shared
    overlap: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def left_over(table: pa.Table, matched: Ints) -> pa.Table:
    """A table without the rows at these positions."""
    return take(table, without(table.num_rows, matched))
