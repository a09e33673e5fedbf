"""Is everything that counts in every split, so that it can be learned, chosen by and judged?

Two ways a split can be empty are no fault of a value: a snapshot that has no such split at all says so once, and what
only held-out places have is in the test split on purpose.
"""

from collections.abc import Sequence

import pandas as pd

from slipway.platform.data.schema import SLICE_PREFIX
from slipway.platform.data.validation.leakage import held_out
from slipway.platform.data.validation.tables import Row, Tables, faults
from slipway.platform.data.validation.vocabulary import ClassCoverage, SliceCoverage


def classes(tables: Tables, wanted: ClassCoverage) -> pd.DataFrame:
    """Every category has enough individuals, and boxes in every split that is large enough to hold some."""
    boxes = tables.labelled[~tables.labelled["sample"].isin(_held_out_samples(tables))]
    boxes = boxes.assign(
        value=boxes["category"], row=boxes["image"], column="category", named=boxes["identity"].notna()
    )
    boxes["subject"] = boxes["identity"].where(boxes["named"], boxes["sample"])
    frame = _coverage(boxes, wanted.splits, wanted.smallest, "boxes")
    subjects = boxes.drop_duplicates(["value", "subject"])
    counts = subjects.groupby("value").size()
    due = frame["value"].map(_due(subjects, counts, wanted.splits)) >= wanted.expected
    frame["fault"] = frame["fault"].where(due, None)
    frame["subjects"] = frame["value"].map(counts)
    rare = faults(
        frame,
        frame["subjects"] < wanted.individuals,
        lambda row: f"category `{row['value']}` has only {row['subjects']}; at least {wanted.individuals} expected",
    )
    return frame.assign(fault=frame["fault"].where(frame["fault"].notna(), rare["fault"]))


def _due(subjects: pd.DataFrame, counts: "pd.Series[int]", splits: Sequence[str]) -> "pd.Series[float]":
    """For each category the individuals that the emptiest of the splits without it should have, by its size."""
    sizes = subjects.groupby(["named", "split"]).size()
    shares = sizes / sizes.groupby(level="named").transform("sum")
    named = subjects.groupby("value")["named"].any()
    have = set(zip(subjects["value"], subjects["split"], strict=True))
    due = {
        value: max(
            (
                float(counts[value]) * shares.get((named[value], split), 0.0)
                for split in splits
                if (value, split) not in have
            ),
            default=0.0,
        )
        for value in counts.index
    }
    return pd.Series(due, dtype=float)


def slices(tables: Tables, wanted: SliceCoverage) -> pd.DataFrame:
    """Every value of the chosen columns has images in every split."""
    index = tables.index[~held_out(tables.index)]
    names = [name for name in slice_columns(index, wanted.columns) if name in index.columns]
    parts = [
        index[["row", "sample", "split"]].assign(column=name, value=index[name])[index[name].notna()] for name in names
    ]
    seen = pd.concat(parts) if parts else pd.DataFrame(columns=["row", "sample", "split", "column", "value"])
    return _coverage(seen, wanted.splits, wanted.smallest, "images")


def slice_columns(index: pd.DataFrame, wanted: Sequence[str]) -> list[str]:
    """The columns that are meant; `slices` stands for all that begin with the prefix."""
    extra = [name for name in index.columns if name.startswith(SLICE_PREFIX)]
    return [name for one in wanted for name in (extra if one == "slices" else [one])]


def _held_out_samples(tables: Tables) -> "pd.Series[str]":
    return tables.index.loc[held_out(tables.index), "sample"]


def _coverage(seen: pd.DataFrame, splits: Sequence[str], smallest: int, what: str) -> pd.DataFrame:
    """One row for each value, with an image that shows it."""
    columns = ["row", "sample", "column", "value", "fault"]
    present = [split for split in splits if split in set(seen["split"])]
    if seen.empty or not present:
        return pd.DataFrame(columns=columns)
    sizes = seen.groupby(["column", "value", "split"]).size().rename("images").reset_index()
    counts = sizes.pivot_table(index=["column", "value"], columns="split", values="images", fill_value=0)
    counts = counts.reindex(columns=present, fill_value=0).astype(int)
    first = seen.drop_duplicates(["column", "value"]).set_index(["column", "value"])
    frame = counts.join(first[["row", "sample"]]).reset_index()

    def tell(row: Row) -> str:
        few = ", ".join(f"{row[split]} {what} in {split}" for split in present if int(row[split]) < smallest)
        return f"{row['column']} `{row['value']}` has {few}; at least {smallest} expected"

    return faults(frame, (frame[present] < smallest).any(axis=1), tell)[columns]
