"""Putting a snapshot together in its folder.

Everything is written beside the target and takes its place as a whole at the end: a reader sees the earlier snapshot or
the new one, and a writer that is killed leaves the earlier one. New images go into new shards; the shards of the
snapshot that is added to are linked, never rewritten, so that a new day is pushed alone. Its rows stay in their tables:
memory grows with what is added.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from slipway.platform.data.errors import BadImport, LabelConflict, SnapshotDamaged, SplitChanged
from slipway.platform.data.manifest import NAME, FileEntry, Manifest, Provenance
from slipway.platform.data.rows import (
    Box,
    Identity,
    Image,
    box_row,
    boxes_table,
    identities_table,
    identity_row,
    image_row,
    index_table,
    joined,
)  # fmt: skip
from slipway.platform.data.shards import FOLDER, SHARD_LIMIT, Place, ShardWriter, image_format
from slipway.platform.data.snapshot import PULL, Snapshot, file_digest
from slipway.platform.data.staging import Staging, explained, link_or_copy

Row = dict[str, Any]


class SnapshotWriter:
    """Collects images with their labels, then makes the snapshot of a folder, on top of one that may be there."""

    def __init__(self, target: Path, *, base: Snapshot | None = None, shard_limit: int = SHARD_LIMIT) -> None:
        self._target = target
        self._base = _Base(base) if base is not None else None
        self._images: dict[str, Row] = {}
        self._boxes: dict[str, list[Row]] = {}
        self._identities: dict[str, Row] = {}
        self._staging = Staging(target)
        self._shards = ShardWriter(self._staging.folder, shard_limit)
        try:
            self._adopt()
        except BaseException:
            self.discard()
            raise

    def add(self, data: bytes, image: Image, boxes: Iterable[Box] = ()) -> str:
        """Add an image and return its sample id; the same bytes again are fine if they say the same."""
        sample = hashlib.sha256(data).hexdigest()
        suffix = image_format(data)
        if suffix is None:
            raise BadImport(f"{image.source} is neither JPEG nor PNG.", mend="Convert it, or leave it out.")
        row = image_row(sample, image)
        labels = [box_row(sample, box) for box in boxes]
        known = self._known(sample)
        if known is not None:
            _check_same(*known, row, labels)
            return sample
        self._images[sample] = row
        self._boxes[sample] = labels
        with explained(self._target):
            self._place(self._shards.add(sample, suffix, data))
        return sample

    def add_identity(self, identity: Identity) -> None:
        """Add an individual; one that is known must stay in its split."""
        row = identity_row(identity)
        known = self._identities.setdefault(identity.identity, row)
        if known["split"] != identity.split:
            raise SplitChanged(
                f"Identity `{identity.identity}` is in `{known['split']}` and would move to `{identity.split}`.",
                mend="Give it its old split, or another name if it is another individual.",
            )

    def finish(self, provenance: Iterable[Provenance], licence: str) -> Manifest:
        """Write the tables and the manifest, and put the snapshot in place."""
        with explained(self._target):
            manifest = self._write(provenance, licence)
            self._staging.finish()
        return manifest

    def discard(self) -> None:
        """Give up what was not finished: nothing of it stays."""
        self._staging.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def _write(self, provenance: Iterable[Provenance], licence: str) -> Manifest:
        self._place(self._shards.seal())
        base, folder = self._base, self._staging.folder
        index = index_table(list(self._images.values()))
        boxes = boxes_table(row for rows in self._boxes.values() for row in rows)
        if base is not None:
            index, boxes = joined(base.snapshot.index, index), joined(base.snapshot.boxes, boxes)
        identities = identities_table(self._identities.values())
        for name, table in (("index", index), ("boxes", boxes), ("identities", identities)):
            write_table(table, folder / f"{name}.parquet")
        earlier = base.snapshot.manifest.provenance if base is not None else ()
        manifest = Manifest(
            counts={"images": index.num_rows, "boxes": boxes.num_rows, "identities": identities.num_rows},
            files=_entries(folder),
            provenance=(*earlier, *(one for one in provenance if one not in earlier)),
            licence=licence,
        )
        (folder / NAME).write_bytes(manifest.to_bytes())
        return manifest

    def _adopt(self) -> None:
        """Take over the shards and individuals of the snapshot that is added to."""
        if self._base is None:
            return
        base = self._base.snapshot
        self._identities = {row["identity"]: row for row in base.identities.to_pylist()}
        (self._staging.folder / FOLDER).mkdir(exist_ok=True)
        for name, entry in base.manifest.files.items():
            if name.startswith(f"{FOLDER}/"):
                source = base.folder / name
                if not source.is_file() or source.stat().st_size != entry.size:
                    raise SnapshotDamaged(f"{source} is missing or truncated: nothing can be added to it.", mend=PULL)
                with explained(self._target):
                    link_or_copy(source, self._staging.folder / name)

    def _known(self, sample: str) -> tuple[Row, list[Row]] | None:
        """The rows of an image that is there already."""
        if sample in self._images:
            return self._images[sample], self._boxes[sample]
        return self._base.rows(sample) if self._base is not None else None

    def _place(self, places: Iterable[tuple[str, Place]]) -> None:
        for sample, place in places:
            self._images[sample] |= {"shard": place.shard, "offset": place.offset, "length": place.length}


class _Base:
    """Looks up single images in the snapshot that is added to."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def rows(self, sample: str) -> tuple[Row, list[Row]] | None:
        position = self._images.get(sample)
        if position is None:
            return None
        image: Row = self.snapshot.index.slice(position, 1).to_pylist()[0]
        return image, self.snapshot.boxes.take(self._boxes.get(sample, [])).to_pylist()

    @cached_property
    def _images(self) -> dict[str, int]:
        return {str(sample): position for position, sample in enumerate(self.snapshot.index["sample"].to_pylist())}

    @cached_property
    def _boxes(self) -> dict[str, list[int]]:
        positions: dict[str, list[int]] = {}
        for position, sample in enumerate(self.snapshot.boxes["sample"].to_pylist()):
            positions.setdefault(str(sample), []).append(position)
        return positions


def write_table(table: pa.Table, path: Path) -> None:
    """A Parquet file whose bytes depend on the table alone."""
    whole = table.replace_schema_metadata(None).combine_chunks()
    pq.write_table(whole, path, compression="zstd", store_schema=False)


def _entries(folder: Path) -> dict[str, FileEntry]:
    """Every file with its digest; shards are named by theirs and need not be read again."""
    entries = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest = path.stem if path.parent.name == FOLDER else file_digest(path)
            entries[path.relative_to(folder).as_posix()] = FileEntry(sha256=digest, size=path.stat().st_size)
    return entries


def _check_same(known: Row, boxes: list[Row], row: Mapping[str, Any], labels: list[Row]) -> None:
    """The same bytes twice: the same split and labels, or an error that names both."""
    if known["split"] != row["split"]:
        raise SplitChanged(
            f"{row['source']} has the same bytes as {known['source']}, which is in `{known['split']}`, "
            f"and would be in `{row['split']}`.",
            mend="Leave one of them out.",
        )
    if boxes_table(boxes) != boxes_table(labels):
        raise LabelConflict(
            f"{row['source']} has the same bytes as {known['source']} and other labels.", mend="Leave one of them out."
        )
