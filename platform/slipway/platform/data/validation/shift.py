"""Has the mixture of the data moved since the earlier snapshot?

Where this snapshot holds the earlier one and more, what was added is compared with what was there: a new night among a
hundred days must not drown. A share counts as moved when the difference is large enough to matter and too large for
chance. Images of one recording (camera, day, sequence) are alike, so chance is reckoned with the number of recordings,
and the limit is divided by the number of comparisons. Values that are new, or gone, are told as such.
"""

from collections.abc import Iterator
from math import erfc, sqrt
from typing import Final

import pandas as pd

from slipway.platform.data.validation.coverage import slice_columns
from slipway.platform.data.validation.tables import Row, Tables, faults
from slipway.platform.data.validation.vocabulary import Shift

COLUMNS: Final = ["row", "sample", "column", "value", "before", "now", "p", "fault"]
LEAST_GROUPS: Final = 2


def shift(tables: Tables, limits: Shift) -> pd.DataFrame:
    """A row for each value of each column: its share before and now, and how likely that is by chance."""
    if tables.previous is None:
        return pd.DataFrame(columns=COLUMNS)
    parts = list(_compared(tables, tables.previous, limits))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    frame = pd.concat(parts, ignore_index=True)
    limit = limits.significance / max(1, len(frame))
    frame["appeared"] = (frame["before"] == 0) & (frame["now"] >= limits.appeared)
    frame["gone"] = (frame["now"] == 0) & (frame["before"] >= limits.change)
    moved = ((frame["now"] - frame["before"]).abs() >= limits.change) & (frame["p"] < limit)
    return faults(frame, frame["appeared"] | frame["gone"] | moved, _tell)[COLUMNS]


def _tell(row: Row) -> str:
    name = f"{row['column']} `{row['value']}`"
    if row["appeared"]:
        return f"{name} is new: {row['now']:.0%} now, nothing before"
    if row["gone"]:
        return f"{name} is gone: {row['before']:.0%} before, nothing now"
    return f"{name} went from {row['before']:.0%} to {row['now']:.0%} (p = {row['p']:.1g})"


def _compared(tables: Tables, previous: Tables, limits: Shift) -> Iterator[pd.DataFrame]:
    """For each column that both have, the shares of its values before and now."""
    added = ~tables.index["sample"].isin(previous.index["sample"])
    grown = added.any() and previous.index["sample"].isin(tables.index["sample"]).all()
    new = tables.index[added] if grown else tables.index
    for column in slice_columns(tables.index, limits.columns):
        if column in tables.index.columns and column in previous.index.columns:
            yield _shares(column, previous.index, new)
    if "category" in limits.columns:
        boxes = tables.labelled.assign(row=tables.labelled["image"])
        yield _shares("category", previous.labelled, boxes[boxes["sample"].isin(new["sample"])])


def _shares(column: str, before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The values of one column with their shares before and now."""
    shares = {"before": before[column].value_counts(normalize=True), "now": now[column].value_counts(normalize=True)}
    frame = pd.DataFrame(shares).fillna(0.0).rename_axis("value").reset_index()
    if shares["before"].empty or shares["now"].empty:
        frame = frame.iloc[:0]
    groups = (_groups(before, column), _groups(now, column))
    pairs = zip(frame["before"].tolist(), frame["now"].tolist(), strict=True)
    frame["p"] = [chance(earlier, later, *groups) for earlier, later in pairs]
    example = now.drop_duplicates(column).set_index(column)[["row", "sample"]]
    frame = frame.join(example, on="value").assign(column=column)
    return frame.assign(row=frame["row"].fillna(-1).astype(int))


def _groups(frame: pd.DataFrame, column: str) -> int:
    """How many recordings the values come from."""
    given = frame.loc[frame[column].notna(), ["camera", "day", "sequence"]]
    return len(given.drop_duplicates())


def chance(before: float, now: float, groups_before: int, groups_now: int) -> float:
    """How likely two shares differ so much by chance alone: the two-sided test of two proportions."""
    if min(groups_before, groups_now) < LEAST_GROUPS:
        return 1.0
    pooled = (before * groups_before + now * groups_now) / (groups_before + groups_now)
    spread = sqrt(max(0.0, pooled * (1 - pooled)) * (1 / groups_before + 1 / groups_now))
    return erfc(abs(now - before) / spread / sqrt(2)) if spread else 1.0
