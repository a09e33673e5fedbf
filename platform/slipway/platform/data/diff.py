"""What is different between two snapshots, row by row.

Images are the same when their bytes are; where they are stored does not count. An image that both have can have other
metadata (its split among it) and other boxes. Numbers always add up: before - removed + added = after, for images and
for boxes. How shares moved is the subject of `shift`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from slipway.platform.data.box_matching import PLACE, identical, left_over, same_object
from slipway.platform.data.columns import (
    Ints,
    column_of,
    counted,
    distinct,
    equal,
    positions_of,
    table_of,
    take,
    where,
    within,
)
from slipway.platform.data.matching import codes, pairs, without
from slipway.platform.data.schema import IDENTITIES, INDEX, SLICE_PREFIX
from slipway.platform.data.snapshot import Snapshot

if TYPE_CHECKING:
    from slipway.platform.data.columns import Column

SUBJECTS: Final = ("image", "box", "identity")
STORED: Final = ("shard", "offset", "length")
RELABELLED: Final = ("category", "identity", "track", "occlusion", "label_state", "author", "extra")
CHANGES: Final = pa.schema(
    [(name, pa.string()) for name in ("sample", "source", "subject", "column", "before", "after")]
)


@dataclass(frozen=True)
class Difference:
    """Everything that differs. Tables have the columns of the snapshot's own; `changes` has a row for each value."""

    before: Snapshot
    after: Snapshot
    added: pa.Table
    removed: pa.Table
    boxes_added: pa.Table
    boxes_removed: pa.Table
    """Boxes of images that both have."""
    moved: pa.Table
    """Changed places of boxes, as `changes`."""
    changes: pa.Table
    """Changed values of images, boxes and identities: sample, source, subject, column, before, after."""
    identities_added: pa.Table
    identities_removed: pa.Table

    @cached_property
    def relabelled(self) -> list[str]:
        """Samples of which a box came, went, moved or says something else."""
        boxes = where(self.changes, equal(self.changes["subject"], "box"))
        tables = (self.boxes_added, self.boxes_removed, self.moved, boxes)
        return sorted({sample for table in tables for sample in distinct(table["sample"])})

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """The difference in numbers."""
        subjects = {name: where(self.changes, equal(self.changes["subject"], name)) for name in SUBJECTS}
        return {
            "images before": self.before.index.num_rows,
            "images after": self.after.index.num_rows,
            "images added": self.added.num_rows,
            "images removed": self.removed.num_rows,
            "images relabelled": len(self.relabelled),
            "boxes before": self.before.boxes.num_rows,
            "boxes after": self.after.boxes.num_rows,
            "boxes added": self.boxes_added.num_rows,
            "boxes removed": self.boxes_removed.num_rows,
            "boxes moved": self.moved.num_rows,
            "identities added": self.identities_added.num_rows,
            "identities removed": self.identities_removed.num_rows,
            **{
                f"{subject} {column} changed": number
                for subject, changes in subjects.items()
                for column, number in counted(changes["column"]).items()
            },
        }

    @property
    def empty(self) -> bool:
        """Whether the rows of both say the same."""
        return not any(number for name, number in self.counts.items() if not name.endswith(("before", "after")))


def diff(before: Snapshot, after: Snapshot) -> Difference:
    """Compare the rows of two snapshots."""
    old, new = pairs(*codes((before.index, after.index), ("sample",)))
    old_boxes = _boxes(before, take(before.index, old))
    new_boxes = _boxes(after, take(after.index, new))
    same_old, same_new = identical(old_boxes, new_boxes)
    old_boxes, new_boxes = left_over(old_boxes, same_old), left_over(new_boxes, same_new)
    from_box, to_box = same_object(old_boxes, new_boxes)
    sources = take(after.index, new).select(["sample", "source"])
    old_matched, new_matched = take(old_boxes, from_box), take(new_boxes, to_box)
    names, old_names, new_names = _identities(before, after)
    return Difference(
        before=before,
        after=after,
        added=take(after.index, without(after.index.num_rows, new)),
        removed=take(before.index, without(before.index.num_rows, old)),
        boxes_added=left_over(new_boxes, to_box),
        boxes_removed=left_over(old_boxes, from_box),
        moved=_moved(old_matched, new_matched, sources),
        changes=pa.concat_tables(
            [
                _changed(take(before.index, old), take(after.index, new), "image", _metadata(before, after), sources),
                _changed(old_matched, new_matched, "box", RELABELLED, sources),
                names,
            ]
        ),
        identities_added=take(after.identities, without(after.identities.num_rows, new_names)),
        identities_removed=take(before.identities, without(before.identities.num_rows, old_names)),
    )


def _metadata(before: Snapshot, after: Snapshot) -> list[str]:
    slices = {name for one in (before, after) for name in one.index.column_names if name.startswith(SLICE_PREFIX)}
    return [name for name in INDEX.names if name not in {"sample", *STORED}] + sorted(slices)


def _boxes(snapshot: Snapshot, images: pa.Table) -> pa.Table:
    return where(snapshot.boxes, within(snapshot.boxes["sample"], images["sample"]))


def _identities(before: Snapshot, after: Snapshot) -> tuple[pa.Table, Ints, Ints]:
    """Changed values of individuals that both know, and where those stand."""
    old, new = pairs(*codes((before.identities, after.identities), ("identity",)))
    first, second = take(before.identities, old), take(after.identities, new)
    columns = [name for name in IDENTITIES.names if name != "identity"]
    renamed = first.rename_columns(["sample", *columns]), second.rename_columns(["sample", *columns])
    nothing = pa.table({"sample": pa.array([], pa.string()), "source": pa.array([], pa.string())})
    return _changed(*renamed, "identity", columns, nothing), old, new


def _changed(
    before: pa.Table, after: pa.Table, subject: str, columns: tuple[str, ...] | list[str], sources: pa.Table
) -> pa.Table:
    """The values that differ in two tables of the same rows."""
    found = [CHANGES.empty_table()]
    for column in columns:
        old, new = codes((before, after), (column,))
        rows = np.flatnonzero(old != new)
        if not len(rows):
            continue
        values = [column_of(take(table, rows), column).cast(pa.string()) for table in (before, after)]
        found.append(_as_changes(take(before, rows), subject, column, values, sources))
    return pa.concat_tables(found)


def _moved(before: pa.Table, after: pa.Table, sources: pa.Table) -> pa.Table:
    """Boxes whose place changed, with both places as text."""
    old, new = codes((before, after), PLACE)
    rows = np.flatnonzero(old != new)
    places = [_places(take(table, rows)) for table in (before, after)]
    return _as_changes(take(before, rows), "box", "place", places, sources)


def _places(boxes: pa.Table) -> list[str]:
    numbers = np.stack([boxes[name].to_numpy() for name in PLACE], axis=1).round(1)
    return [" ".join(f"{number:g}" for number in place) for place in numbers.tolist()]


def _as_changes(
    rows: pa.Table, subject: str, column: str, values: Sequence["Column | list[str]"], sources: pa.Table
) -> pa.Table:
    """Values before and after, with whose they are and where that came from."""
    samples = column_of(rows, "sample")
    told: list[Column] = [samples, column_of(sources, "source").take(positions_of(samples, sources["sample"]))]
    told += [pa.array([word] * rows.num_rows, pa.string()) for word in (subject, column)]
    told += [pa.array(value, pa.string()) if isinstance(value, list) else value for value in values]
    return table_of(told, CHANGES)
