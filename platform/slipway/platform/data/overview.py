"""What is in a snapshot, in numbers; what is known of one sample.

Plain values only, so that a person's table and a script's JSON say the same.
"""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from slipway.platform.data.columns import counted, distinct, equal, total, where, within
from slipway.platform.data.schema import LABEL_STATES, SLICE_PREFIX, SPLITS
from slipway.platform.data.selection import boxes_of
from slipway.platform.data.snapshot import Snapshot

GROUPS: Final = ("split", "site", "camera", "day", "light", "weather", "label_state", "legal_basis")
ORDERS: Final = {"split": SPLITS, "label_state": LABEL_STATES}


def overview(snapshot: Snapshot, index: pa.Table) -> dict[str, Any]:
    """A snapshot's name, numbers, origin and licence, and the make-up of some of its rows."""
    boxes = boxes_of(snapshot, index)
    manifest = snapshot.manifest
    slices = sorted(name for name in index.column_names if name.startswith(SLICE_PREFIX))
    return {
        "digest": snapshot.digest,
        "folder": str(snapshot.folder),
        "images": index.num_rows,
        "boxes": boxes.num_rows,
        "identities": len(distinct(boxes["identity"])),
        "shards": len(distinct(index["shard"])),
        "bytes": total(index["length"]),
        "licence": manifest.licence,
        "provenance": [one.model_dump(mode="json") for one in manifest.provenance],
        "by": {name: counts(index, name) for name in (*GROUPS, *slices)} | {"category": counts(boxes, "category")},
    }


def counts(table: pa.Table, column: str) -> Mapping[str, int]:
    """How often each value is there; in the order of the words where they have one, else by name."""
    found = counted(table[column])
    order = {name: place for place, name in enumerate(ORDERS.get(column, ()))}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.get(name, len(order)), name))}


def rows(snapshot: Snapshot, index: pa.Table) -> list[dict[str, Any]]:
    """Rows of the index with a word on their boxes."""
    told: dict[str, dict[str, int]] = {}
    labelled = boxes_of(snapshot, index).group_by(["sample", "category"]).aggregate([([], "count_all")])
    for one in labelled.to_pylist():
        told.setdefault(one["sample"], {})[one["category"]] = one["count_all"]
    return [row | {"boxes": dict(sorted(told.get(row["sample"], {}).items()))} for row in index.to_pylist()]


def sample_details(snapshot: Snapshot, sample: str) -> dict[str, Any]:
    """A sample's row, its boxes, and for each track in it the images before and after."""
    (row,) = where(snapshot.index, equal(snapshot.index["sample"], sample)).to_pylist()
    boxes = where(snapshot.boxes, equal(snapshot.boxes["sample"], sample)).to_pylist()
    tracks = sorted({box["track"] for box in boxes if box["track"] is not None})
    return {"row": row, "boxes": boxes, "tracks": {track: _neighbours(snapshot, row, track) for track in tracks}}


def ordered(index: pa.Table, column: str) -> pa.Table:
    """Rows sorted by a column, downwards where its name begins with `-`; equal ones by sample."""
    if column.startswith("-"):
        return index.sort_by([(column[1:], "descending"), ("sample", "ascending")])
    return index.sort_by([(column, "ascending"), ("sample", "ascending")])


def _neighbours(snapshot: Snapshot, row: Mapping[str, Any], track: str) -> dict[str, Any]:
    """Where a sample stands in a track: tracks of other sequences with the same name are others."""
    samples = where(snapshot.boxes, equal(snapshot.boxes["track"], track))["sample"]
    seen = where(snapshot.index, within(snapshot.index["sample"], samples))
    same = [one for one in seen.to_pylist() if all(one[key] == row[key] for key in _together(row))]
    same.sort(key=lambda one: (one["day"] or "", one["frame"] or 0, one["time"] or 0.0, one["sample"]))
    names = [one["sample"] for one in same]
    place = names.index(row["sample"])
    return {
        "place": place + 1,
        "length": len(names),
        "before": names[place - 1] if place else None,
        "after": names[place + 1] if place + 1 < len(names) else None,
    }


def _together(row: Mapping[str, Any]) -> tuple[str, ...]:
    return ("sequence",) if row["sequence"] is not None else ("site", "camera", "day")
