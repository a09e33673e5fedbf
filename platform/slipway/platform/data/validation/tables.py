"""What the checks look at: a snapshot's tables as frames, the images' facts, and an earlier snapshot beside them.

Everything is read or computed when a check first asks for it, so that a suite without image checks decodes nothing.
Frames keep the order of the files: a row's number here is its number in the Parquet file.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.snapshot import TABLES, Snapshot
from slipway.platform.data.validation.images import ImageFacts, look_at

Progress = Callable[[str, int, int], None]
"""Told of a stage: its name, how much is done, and of how much."""

Row = Mapping[Hashable, Any]
"""A row of a frame by column."""

HOUR: Final = 3600


def silent(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass
class Tables:
    """One snapshot, the one before it if there is one, and the day that counts as today."""

    snapshot: Snapshot
    previous: "Tables | None" = None
    today: date = date.min
    threads: int = 1
    progress: Progress = field(default=silent, repr=False)

    @cached_property
    def index(self) -> pd.DataFrame:
        """A row for each image, with the hour of its time."""
        frame = _frame(self.snapshot.index.to_pandas())
        hour = (frame["time"].fillna(0) // HOUR).astype(int).astype(str).str.zfill(2)
        frame["hour"] = hour.where(frame["time"].notna(), None)
        return frame

    @cached_property
    def boxes(self) -> pd.DataFrame:
        """A row for each labelled object."""
        return _frame(self.snapshot.boxes.to_pandas())

    @cached_property
    def identities(self) -> pd.DataFrame:
        """A row for each individual."""
        return _frame(self.snapshot.identities.to_pandas())

    @cached_property
    def labelled(self) -> pd.DataFrame:
        """The boxes, each with what is known of its image; boxes on unknown samples are left out."""
        columns = [name for name in self.index.columns if name not in {*self.boxes.columns, "row"}]
        images = self.index[["sample", *columns]].assign(image=self.index["row"])
        return self.boxes.merge(images.drop_duplicates("sample"), on="sample", how="inner", sort=False)

    @cached_property
    def images(self) -> ImageFacts:
        """What looking at every image gave."""
        return look_at(self.snapshot, self.index, self.boxes, self.threads, self.progress)

    @cached_property
    def shard_of(self) -> pd.Series:
        """The shard of each sample."""
        return self.index.drop_duplicates("sample").set_index("sample")["shard"]


def refuse_gaps(snapshot: Snapshot) -> None:
    """Refuse tables with an empty cell where every row must have a value; no check could tell more of them."""
    for name, schema in TABLES.items():
        table = getattr(snapshot, name.removesuffix(".parquet"))
        for column in (one.name for one in schema if not one.nullable):
            if table.column(column).null_count:
                row = table.column(column).is_null().to_pylist().index(True)
                raise SnapshotDamaged(
                    f"{snapshot.folder / name}: row {row} has no `{column}`.",
                    mend="Import the data again; what wrote this file was not slipway.",
                )


def _frame(frame: pd.DataFrame) -> pd.DataFrame:
    frame["row"] = np.arange(len(frame))
    return frame


def faults(frame: pd.DataFrame, bad: "pd.Series[bool]", tell: Callable[[Row], str]) -> pd.DataFrame:
    """The frame with a column `fault`: what `tell` says of a row where it is bad, else nothing."""
    where = bad.to_numpy(dtype=bool)
    told = np.full(len(frame), None, dtype=object)
    told[where] = [tell(row) for row in frame[where].to_dict("records")]
    return frame.assign(fault=pd.Series(told, index=frame.index, dtype=object))
