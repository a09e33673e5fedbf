"""Writing a merged snapshot: three new tables, the shards of both sides by link, and a manifest that is order-free."""

from pathlib import Path
from typing import Final

import pyarrow as pa

from slipway.platform.canonical import canonical
from slipway.platform.data.columns import distinct
from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.manifest import NAME, FileEntry, Manifest, Provenance
from slipway.platform.data.shards import FOLDER, shard_path
from slipway.platform.data.snapshot import PULL, Snapshot, file_digest
from slipway.platform.data.staging import Staging, explained, link_or_copy
from slipway.platform.data.writer import write_table

Sides = tuple[Snapshot, Snapshot, Snapshot | None]

NAMES: Final = ("index", "boxes", "identities")
UNKNOWN: Final = "unknown"
AND: Final = " AND "


def write_merged(tables: tuple[pa.Table, pa.Table, pa.Table], sides: Sides, target: Path) -> Manifest:
    """Put the merged snapshot in the folder's place as a whole."""
    with explained(target):
        staging = Staging(target)
        try:
            manifest = write_tables(tables, sides, staging.folder)
            (staging.folder / FOLDER).mkdir()
            for name in manifest.files:
                if name.startswith(f"{FOLDER}/"):
                    _link(name, sides, staging.folder)
            (staging.folder / NAME).write_bytes(manifest.to_bytes())
            staging.finish()
        finally:
            staging.close()
    return manifest


def write_tables(tables: tuple[pa.Table, pa.Table, pa.Table], sides: Sides, folder: Path) -> Manifest:
    """Write the tables alone, and say what the whole snapshot is made of."""
    files = {}
    for name, table in zip(NAMES, tables, strict=True):
        path = folder / f"{name}.parquet"
        write_table(table.combine_chunks(), path)
        files[path.name] = FileEntry(sha256=file_digest(path), size=path.stat().st_size)
    known = {**sides[1].manifest.files, **sides[0].manifest.files}
    for shard in distinct(tables[0]["shard"]):
        name = f"{FOLDER}/{shard}.tar"
        if name not in known:
            raise SnapshotDamaged(f"Rows name the shard {shard}, which no manifest lists.", mend=PULL)
        files[name] = known[name]
    return Manifest(
        counts=dict(zip(("images", "boxes", "identities"), (table.num_rows for table in tables), strict=True)),
        files=files,
        provenance=_provenance(sides),
        licence=_licence(*(side.manifest.licence if side is not None else UNKNOWN for side in sides)),
    )


def _link(name: str, sides: Sides, staging: Path) -> None:
    """A shard from whichever side has it here."""
    shard = Path(name).stem
    holders = [side.folder for side in sides if side is not None]
    found = next((folder for folder in holders if shard_path(folder, shard).is_file()), None)
    if found is None:
        raise SnapshotDamaged(f"{shard_path(holders[0], shard)} is missing.", mend=PULL)
    link_or_copy(shard_path(found, shard), staging / name)


def _provenance(sides: Sides) -> tuple[Provenance, ...]:
    """Everything that either side came from; sorted, so that it does not matter who merged whom."""
    entries = {canonical(one.model_dump(mode="json")): one for side in sides[:2] for one in side.manifest.provenance}
    return tuple(entries[key] for key in sorted(entries))


def _licence(ours: str, theirs: str, base: str) -> str:
    """Both licences hold for what has data of both."""
    if theirs in {base, UNKNOWN}:
        return ours
    if ours in {base, UNKNOWN}:
        return theirs
    return AND.join(sorted({*ours.split(AND), *theirs.split(AND)}))
