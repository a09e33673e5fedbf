"""Finding the same rows in two tables, by whole columns at a time.

Rows become integers: equal rows get equal codes, missing values included. Everything that compares snapshots is built
on that, so that a hundred thousand rows take a second and not a minute.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from slipway.platform.data.columns import Ints, column_of, encoded


def codes(tables: Sequence[pa.Table], columns: Sequence[str]) -> list[Ints]:
    """For each table an integer a row; rows that agree in these columns have the same one, in whichever table.

    A table that lacks a column counts as one that has no value in it.
    """
    lengths = [table.num_rows for table in tables]
    combined = np.zeros(sum(lengths), np.int64)
    for column in columns:
        values = np.concatenate(encoded([column_of(table, column) for table in tables]))
        combined = combined * (int(values.max(initial=0)) + 1) + values
        # Compressed after each column, so that the product never grows past the square of the rows.
        combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
    return list(np.split(combined, np.cumsum(lengths)[:-1]))


def pairs(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Positions of rows with the same code, each row in one pair at most: the first with the first, and so on."""
    size = max(len(left), len(right)) + 1
    left_keys, right_keys = left * size + ordinals(left), right * size + ordinals(right)
    _, left_found, right_found = np.intersect1d(left_keys, right_keys, assume_unique=True, return_indices=True)
    return left_found, right_found


def ordinals(values: Ints) -> Ints:
    """How many equal values stand before each one."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.r_[True, ordered[1:] != ordered[:-1]][: len(values)]
    begins = np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))
    counted = np.empty(len(values), np.int64)
    counted[order] = np.arange(len(values)) - begins
    return counted


def without(size: int, positions: Ints) -> Ints:
    """All positions but these."""
    kept = np.ones(size, bool)
    kept[positions] = False
    return np.flatnonzero(kept)
