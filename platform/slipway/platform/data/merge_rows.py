"""The three-way rule, for the rows of one table that two sides have changed since a base.

A value that one side left alone is the other side's; equal values are equal; everything else is a conflict. What the
base does not have is as if it had said nothing there, so that without a base the same rule fills gaps and finds
contradictions. All of it is done by column: rows are integers, sides are arrays of positions.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from slipway.platform.data.columns import Ints, Mask, column_of, equal, missing
from slipway.platform.data.matching import codes, pairs

OURS: Final = 0
THEIRS: Final = 1
CONFLICT: Final = 2
SILENT: Final = {"extra": "{}", "label_state": "unlabelled"}
"""Values that say nothing, as a missing one does elsewhere."""

Choice = NDArray[np.int8]
Tables = tuple[pa.Table, pa.Table, pa.Table]
"""Ours, theirs, the base's."""


@dataclass(frozen=True)
class Rows:
    """Every key that any side has, as an integer, with the position of its row on each side (-1: none)."""

    tables: Tables
    positions: tuple[Ints, Ints, Ints]

    @property
    def present(self) -> tuple[Mask, Mask, Mask]:
        """Which keys each side has."""
        ours, theirs, base = (positions >= 0 for positions in self.positions)
        return ours, theirs, base

    def values(self, column: str) -> tuple[Ints, Ints, Ints]:
        """A column as integers by key: equal values are equal, -1 where a side says nothing."""
        said = [np.full(len(self.positions[0]), -1, np.int64) for _ in self.tables]
        for result, coded, positions, silent in zip(
            said, codes(self.tables, (column,)), self.positions, self._silent(column), strict=True
        ):
            has = positions >= 0
            result[has] = np.where(silent, -1, coded)[positions[has]]
        return said[0], said[1], said[2]

    def _silent(self, column: str) -> list[Mask]:
        found = []
        for table in self.tables:
            if column not in table.column_names:
                found.append(np.ones(table.num_rows, bool))
                continue
            values = table[column]
            found.append(equal(values, SILENT[column]) if column in SILENT else missing(values))
        return found


def rows_of(tables: Tables, keys: tuple[Ints, Ints, Ints], number: int) -> Rows:
    """Rows by key, from the key of each row."""
    positions = []
    for key in keys:
        where = np.full(number, -1, np.int64)
        where[key] = np.arange(len(key))
        positions.append(where)
    return Rows(tables, (positions[0], positions[1], positions[2]))


def choose(present: tuple[Mask, Mask, Mask], same: tuple[Mask, Mask, Mask], silent: tuple[Mask, Mask]) -> Choice:
    """Whose value holds for each key that either side has.

    `same`: whether ours equals theirs, ours the base's, theirs the base's. `silent`: where ours, theirs says nothing.
    """
    in_ours, in_theirs, in_base = present
    same_both, ours_untouched, theirs_untouched = same
    from_theirs = np.where(in_base, ours_untouched, silent[0])
    from_ours = np.where(in_base, theirs_untouched, silent[1])
    both = np.select([same_both, from_theirs, from_ours], [OURS, THEIRS, OURS], CONFLICT)
    return np.where(~in_theirs, OURS, np.where(~in_ours, THEIRS, both)).astype(np.int8)


def choose_value(rows: Rows, column: str) -> tuple[Choice, tuple[Mask, Mask]]:
    """Whose value of a column holds, and where ours and theirs differ from the base's."""
    ours, theirs, base = rows.values(column)
    choice = choose(rows.present, (ours == theirs, ours == base, theirs == base), (ours < 0, theirs < 0))
    return choice, (ours != base, theirs != base)


def same_groups(tables: Tables, keys: tuple[Ints, Ints, Ints], number: int) -> tuple[Mask, Mask, Mask]:
    """For each key whether its rows are the same set: ours and theirs, ours and the base's, theirs and the base's."""
    coded = codes(tables, tables[0].column_names)
    found = []
    for first, second in ((0, 1), (0, 2), (1, 2)):
        same = np.ones(number, bool)
        left, right = pairs(coded[first], coded[second])
        for side, matched in ((first, left), (second, right)):
            alone = np.ones(len(keys[side]), bool)
            alone[matched] = False
            same[keys[side][alone]] = False
        found.append(same)
    return found[0], found[1], found[2]


@dataclass(frozen=True)
class Kept:
    """Which keys stay, and which were removed by one side and changed by the other."""

    kept: Mask
    contested: Mask


def keep(present: tuple[Mask, Mask, Mask], changed: tuple[Mask, Mask]) -> Kept:
    """A key stays unless a side removed it and the other left it as it was."""
    in_ours, in_theirs, in_base = present
    gone_there, gone_here = in_base & in_ours & ~in_theirs, in_base & in_theirs & ~in_ours
    contested = (gone_there & changed[0]) | (gone_here & changed[1])
    return Kept((in_ours | in_theirs) & ~(gone_there | gone_here), contested)


def gather(rows: Rows, column: str, keys: Ints, choice: Choice, kind: pa.DataType) -> "pa.Array[Any]":
    """A column's values for these keys, each from the side that was chosen."""
    ours, theirs = (column_of(table, column, kind) for table in rows.tables[:2])
    chosen = np.where(choice[keys] == OURS, rows.positions[0][keys], len(ours) + rows.positions[1][keys])
    positions: Any = pa.array(chosen, pa.int64())
    return pa.concat_arrays([ours, theirs]).take(positions)
