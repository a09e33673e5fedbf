"""Images that people labelled on two sides since a base: what holds when all of them have spoken.

The words that each side has and the base has not are heard in the order of their time, as if they had come into one
snapshot one after the other (`opinions`). So two who say the same make a row `reviewed`, two who differ `disputed`, and
the result is the same whichever side is whose. Settled are only rows of which a side's labels are its words and nothing
else; whatever was changed besides is left to whoever merges.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from slipway.platform.canonical import canonical
from slipway.platform.data.columns import texts, where, within
from slipway.platform.data.labels.history import Row, labels_of, rows_with
from slipway.platform.data.labels.opinions import heard
from slipway.platform.data.labels.relabelling import Rows, known_rows
from slipway.platform.data.matching import codes
from slipway.platform.data.rows import boxes_table, index_table, joined
from slipway.platform.data.snapshot import Snapshot

Side = tuple[pa.Table, pa.Table]
"""`index` and `boxes`."""
SAID: Final = ("label_state", "extra")
"""Columns of an image that words change."""


def settled_labels(ours: Snapshot, theirs: Snapshot, base: Snapshot) -> tuple[Side, Side]:
    """Both sides, with one and the same label where both have labelled an image and the words settle it."""
    samples = _changed_on_both(ours, theirs, base)
    known = [known_rows(one, samples) for one in (ours, theirs, base)]
    found = {one: rows for one in samples if (rows := _together(*(rows[one] for rows in known))) is not None}
    return _with(ours, found), _with(theirs, found)


def _changed_on_both(ours: Snapshot, theirs: Snapshot, base: Snapshot) -> list[str]:
    """Samples of which all three say something else in `extra`, where words are noted."""
    tables = ours.index, theirs.index, base.index
    mine, other, before = codes(tables, ("sample", "extra"))
    apart = ~np.isin(mine, np.append(other, before)), ~np.isin(other, np.append(mine, before))
    found = [set(texts(where(table, mask)["sample"])) for table, mask in zip(tables, apart, strict=False)]
    return sorted(found[0] & found[1] & set(texts(base.index["sample"])))


def _together(ours: Rows, theirs: Rows, base: Rows) -> Rows | None:
    """The image, labelled as all words together have it; None where a side was changed besides."""
    before, said = labels_of(*base), [labels_of(*side) for side in (ours, theirs)]
    if not all(_same(side, rows_with(*base, labels)) for side, labels in zip((ours, theirs), said, strict=True)):
        return None
    words = {one for labels in said for one in labels.opinions} - set(before.opinions)
    for word in sorted(words, key=lambda one: (one.at, one.author, not one.machine, str(one.marks))):
        before = heard(before, word).labels
    return rows_with(*base, before)


def _same(one: Rows, other: Rows) -> bool:
    said, boxes = zip(*(([image[name] for name in SAID], _in_order(rows)) for image, rows in (one, other)), strict=True)
    return bool(said[0] == said[1] and boxes[0] == boxes[1])


def _in_order(boxes: Iterable[Row]) -> list[bytes]:
    return sorted(canonical(dict(one)) for one in boxes)


def _with(side: Snapshot, settled: Mapping[str, Rows]) -> Side:
    """A side's tables with these labels; bytes, place and all else of an image stay."""
    if not settled:
        return side.index, side.boxes
    mine, samples = within(side.index["sample"], settled), within(side.boxes["sample"], settled)
    images = [
        row | {name: settled[row["sample"]][0][name] for name in SAID} for row in where(side.index, mine).to_pylist()
    ]
    boxes = [box for _, rows in settled.values() for box in rows]
    return (
        joined(where(side.index, ~mine), index_table(images)),
        joined(where(side.boxes, ~samples), boxes_table(boxes)),
    )
