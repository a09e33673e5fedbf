"""Looking at everything in a delivered day before any of it is taken: files, tables, and every image's bytes.

What is wrong is told with shard and row, and one thing that is wrong keeps the whole day out.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.pictures import NoPicture, picture_size, small_picture
from slipway.platform.data.shards import FOLDER
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.watching import Watcher
from slipway.platform.machine import cores

TOLD: Final = 5
SMALL: Final = 16
"""Pixels of the thumbnail that is decoded: every byte is read for it."""
MEND: Final = "Have it delivered again; nothing of it was taken."


def check(snapshot: Snapshot, name: str, watcher: Watcher) -> None:
    """Refuse a day in which anything is wrong."""
    damage = [str(one) for one in snapshot.verify()] or list(_rows(snapshot, watcher))
    if damage:
        more = [f"... and {len(damage) - TOLD} more."] if len(damage) > TOLD else []
        raise SnapshotDamaged("\n  ".join([f"{name} was refused as a whole.", *damage[:TOLD], *more]), mend=MEND)


def _rows(snapshot: Snapshot, watcher: Watcher) -> Iterator[str]:
    """Every row of `index` whose image is not what the row says, and every box without an image."""
    index, boxes = snapshot.index, snapshot.boxes
    columns = ("sample", "shard", "offset", "length", "width", "height", "source")
    rows = index.select(list(columns)).to_pylist()
    watcher.note(f"looking at {len(rows):,} images")
    with ThreadPoolExecutor(cores().threads) as pool:
        for number, (row, wrong) in enumerate(
            zip(rows, pool.map(lambda row: _wrong(snapshot, row), rows), strict=True)
        ):
            if wrong:
                yield f"{FOLDER}/{row['shard'][:12]}….tar, row {number} of index.parquet ({row['source']}): {wrong}."
    known = {row["sample"] for row in rows}
    for number, sample in enumerate(boxes["sample"].to_pylist()):
        if sample not in known:
            yield f"Row {number} of boxes.parquet is of a sample that index.parquet does not have: {str(sample)[:12]}."


def _wrong(snapshot: Snapshot, row: dict[str, Any]) -> str:
    try:
        data = snapshot.image(row["shard"], row["offset"], row["length"])
    except SnapshotDamaged as error:
        return str(error).removeprefix(f"{snapshot.folder}: ").removesuffix(".")
    if (found := hashlib.sha256(data).hexdigest()) != row["sample"]:
        return f"the bytes have sha256 {found[:12]}, {row['sample'][:12]} expected"
    try:
        if (size := picture_size(data)) != (row["width"], row["height"]):
            return f"the image has {size[0]} x {size[1]} pixels, the row says {row['width']} x {row['height']}"
        small_picture(data, SMALL, SMALL)
    except NoPicture as problem:
        return f"the image {problem}"
    return ""
