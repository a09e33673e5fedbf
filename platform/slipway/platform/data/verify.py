"""Is a snapshot whole? Every file against the manifest, every row against its bytes.

Files first (size and sha256), then the sums of the manifest, then row by row: the bytes hash to the sample's id, their
header can be decoded, and the picture has the size that the row says. Each finding names file and row. Whether the data
is any *good* is the subject of validation.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from slipway.platform.data.columns import texts, total, within
from slipway.platform.data.errors import DataError, SnapshotDamaged
from slipway.platform.data.manifest import NAME
from slipway.platform.data.pictures import NoPicture, picture_size
from slipway.platform.data.shards import shard_path
from slipway.platform.data.snapshot import PULL, TABLES, Snapshot
from slipway.platform.data.watching import SILENT, Watcher

if TYPE_CHECKING:
    from slipway.platform.data.columns import Column

BATCH: Final = 256
"""Rows that one thread checks before it takes others."""


def verify(snapshot: Snapshot, *, threads: int = 1, watcher: Watcher = SILENT) -> Iterator[SnapshotDamaged]:
    """Everything that is wrong with a snapshot."""
    manifest = snapshot.manifest
    watcher.expect("checking files", sum(entry.size for entry in manifest.files.values()))
    yield from snapshot.verify(_told(snapshot, watcher))
    missing = [name for name in TABLES if name not in manifest.files]
    if missing:
        yield SnapshotDamaged(f"{snapshot.folder / NAME} does not list {', '.join(missing)}.", mend=PULL)
        return
    try:
        yield from _sums(snapshot)
    except DataError as error:  # a table cannot be read: there are no rows to look at
        yield SnapshotDamaged(str(error), mend=error.mend)
        return
    yield from _rows(snapshot, threads, watcher)


def _told(snapshot: Snapshot, watcher: Watcher) -> Callable[[str], None]:
    """Turn "this file begins" into "so many bytes are done"."""
    started: list[str] = []

    def begin(name: str) -> None:
        if started:
            watcher.advance(snapshot.manifest.files[started.pop()].size)
        started.append(name)

    return begin


def _sums(snapshot: Snapshot) -> Iterator[SnapshotDamaged]:
    """The manifest's counts, and what the tables say of each other."""
    place = snapshot.folder / NAME
    tables = {"images": snapshot.index, "boxes": snapshot.boxes, "identities": snapshot.identities}
    for name, table in tables.items():
        expected = snapshot.manifest.counts.get(name)
        if expected != table.num_rows:
            yield SnapshotDamaged(f"{place} counts {expected} {name}, the table has {table.num_rows}.", mend=PULL)
    samples = snapshot.index["sample"]
    for row in _repeated(samples):
        yield SnapshotDamaged(f"{snapshot.folder / 'index.parquet'} row {row}: its sample is there twice.", mend=PULL)
    stray = ~within(snapshot.boxes["sample"], samples)
    for row in np.flatnonzero(stray).tolist():
        sample = str(snapshot.boxes["sample"][row])[:12]
        yield SnapshotDamaged(
            f"{snapshot.folder / 'boxes.parquet'} row {row}: its sample {sample} is not in the index.", mend=PULL
        )
    known = [name.removeprefix("shards/").removesuffix(".tar") for name in snapshot.manifest.files]
    for row in np.flatnonzero(~within(snapshot.index["shard"], known)).tolist():
        shard = str(snapshot.index["shard"][row])[:12]
        yield SnapshotDamaged(
            f"{snapshot.folder / 'index.parquet'} row {row}: the manifest lists no shard {shard}.", mend=PULL
        )


def _repeated(samples: "Column") -> list[int]:
    values = texts(samples)
    _, first = np.unique(values, return_index=True)
    again = np.ones(len(values), bool)
    again[first] = False
    return [int(row) for row in np.flatnonzero(again)]


def _rows(snapshot: Snapshot, threads: int, watcher: Watcher) -> Iterator[SnapshotDamaged]:
    """Each row's bytes, in the order in which they lie in the shards."""
    columns = snapshot.index.select(["sample", "shard", "offset", "length", "width", "height", "source"])
    columns = columns.append_column("row", pa.array(np.arange(columns.num_rows)))
    columns = columns.sort_by([("shard", "ascending"), ("offset", "ascending")])
    watcher.expect("checking images", total(columns["length"]))
    parts = [columns.slice(start, BATCH) for start in range(0, columns.num_rows, BATCH)]

    def look(part: pa.Table) -> list[SnapshotDamaged]:
        rows = part.to_pylist()
        found = [problem for row in rows if (problem := _row_problem(snapshot, row)) is not None]
        watcher.advance(sum(row["length"] for row in rows))
        return found

    with ThreadPoolExecutor(threads) as pool:
        try:
            for found in pool.map(look, parts):
                yield from found
        finally:
            pool.shutdown(cancel_futures=True)


def _row_problem(snapshot: Snapshot, row: dict[str, Any]) -> SnapshotDamaged | None:
    """What is wrong with one row, if anything is."""
    told = _bytes_problem(snapshot, row)
    if told is None:
        return None
    path = shard_path(snapshot.folder, row["shard"])
    return SnapshotDamaged(
        f"{path} at {row['offset']}, row {row['row']} of the index "
        f"(sample {row['sample'][:12]}, {row['source']}): {told}.",
        mend=PULL,
    )


def _bytes_problem(snapshot: Snapshot, row: dict[str, Any]) -> str | None:
    if row["offset"] < 0 or row["length"] <= 0:
        return f"{row['length']} bytes at {row['offset']} is no place in a file"
    try:
        data = snapshot.image(row["shard"], row["offset"], row["length"])
    except SnapshotDamaged as error:
        return str(error).removesuffix(".")
    found = hashlib.sha256(data).hexdigest()
    if found != row["sample"]:
        return f"its bytes have sha256 {found}, {row['sample']} expected"
    try:
        width, height = picture_size(data)
    except NoPicture as error:
        return f"its picture {error}"
    if (width, height) != (row["width"], row["height"]):
        return f"its picture is {width} x {height}, the row says {row['width']} x {row['height']}"
    return None
