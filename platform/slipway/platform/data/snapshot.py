"""Reading a snapshot from its folder: tables, and image bytes through memory maps."""

import hashlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from slipway.platform.data.errors import ForeignSchema, SnapshotDamaged
from slipway.platform.data.manifest import NAME, Manifest, read_manifest
from slipway.platform.data.schema import BOXES, IDENTITIES, INDEX, SLICE_PREFIX
from slipway.platform.data.shards import FOLDER, Place, ShardReader

TABLES = {"index.parquet": INDEX, "boxes.parquet": BOXES, "identities.parquet": IDENTITIES}
PULL = "`slipway data pull` fetches it again."
CHUNK = 1024 * 1024


class Snapshot:
    """A snapshot's folder. Tables are read when first asked for; images are never copied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self._shards = ShardReader(folder)

    @property
    def digest(self) -> str:
        """The snapshot's name."""
        return self.manifest.digest

    @cached_property
    def index(self) -> pa.Table:
        """A row for each image."""
        return self._table("index.parquet")

    @cached_property
    def boxes(self) -> pa.Table:
        """A row for each labelled object."""
        return self._table("boxes.parquet")

    @cached_property
    def identities(self) -> pa.Table:
        """A row for each individual."""
        return self._table("identities.parquet")

    def image(self, shard: str, offset: int, length: int) -> memoryview:
        """The bytes of one image, from the columns of its row."""
        try:
            data = self._shards.read(Place(shard, offset, length))
        except (FileNotFoundError, ValueError):
            raise SnapshotDamaged(f"{self.folder}: shard {shard[:12]} is missing or empty.", mend=PULL) from None
        if len(data) != length:
            raise SnapshotDamaged(
                f"{self.folder}: shard {shard[:12]} is truncated: {length} bytes at {offset} expected, "
                f"{len(data)} found.",
                mend=PULL,
            )
        return data

    def verify(self, progress: Callable[[str], None] = lambda _: None) -> Iterator[SnapshotDamaged]:
        """Every file that is missing, of another size or of another digest."""
        for name, entry in sorted(self.manifest.files.items()):
            progress(name)
            path = self.folder / name
            if not path.is_file():
                yield SnapshotDamaged(f"{path} is missing.{self._lost(name, 0)}", mend=PULL)
            elif (size := path.stat().st_size) != entry.size:
                lost = self._lost(name, size)
                yield SnapshotDamaged(f"{path} has {size} bytes, {entry.size} expected.{lost}", mend=PULL)
            elif (found := file_digest(path)) != entry.sha256:
                yield SnapshotDamaged(f"{path} has sha256 {found}, {entry.sha256} expected.", mend=PULL)
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and name not in self.manifest.files and name != NAME:
                yield SnapshotDamaged(f"{path} is no part of the snapshot.", mend=f"rm {path}")

    def _lost(self, name: str, size: int) -> str:
        """Which rows of `index` a shard of this size cannot serve."""
        if not name.startswith(f"{FOLDER}/"):
            return ""
        try:
            index = self.index
        except SnapshotDamaged:
            return ""  # told on its own
        rows = index.select(["shard", "offset", "length", "source", "sample"]).to_pylist()
        ends = {at: row["offset"] + row["length"] for at, row in enumerate(rows) if row["shard"] == Path(name).stem}
        lost = [at for at, end in ends.items() if end > size]
        if not lost:
            return ""
        first = rows[lost[0]]
        return f" {len(lost)} images are lost, the first is row {lost[0]}: {first['source']} ({first['sample'][:12]})."

    def _table(self, name: str) -> pa.Table:
        path = self.folder / name
        try:
            with pq.ParquetFile(path) as file:  # what reads whole data sets brings pandas, which takes its time
                table = file.read()
        except FileNotFoundError:
            raise SnapshotDamaged(f"{path} is missing.", mend=PULL) from None
        except (pa.ArrowInvalid, OSError) as error:
            raise SnapshotDamaged(f"{path} is no table: {error}.", mend=PULL) from None
        check_schema(table.schema, TABLES[name], str(path))
        return table


def check_schema(found: pa.Schema, expected: pa.Schema, place: str) -> None:
    """Columns and types; slice columns may come in addition."""
    missing = [one.name for one in expected if one.name not in found.names]
    foreign = [name for name in found.names if name not in expected.names and not name.startswith(SLICE_PREFIX)]
    wrong = [one for one in expected if one.name in found.names and found.field(one.name).type != one.type]
    if missing or foreign or wrong:
        told = [f"column `{name}` is missing" for name in missing] + [f"column `{name}` is unknown" for name in foreign]
        told += [f"column `{one.name}` is {found.field(one.name).type}, {one.type} expected" for one in wrong]
        raise ForeignSchema(
            f"{place}: {'; '.join(told)}.", mend="`slipway data import` turns other formats into a snapshot."
        )


def file_digest(path: Path) -> str:
    """sha256 of a file, in little memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
