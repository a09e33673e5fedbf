"""Adding one snapshot to another as a `revising.Change`: tables merged, shards linked, what is there already found.

Only what the addition brings needs to be at hand with its images. A sample that both have must say the same in both.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.canonical import canonical
from slipway.platform.data.diff import STORED
from slipway.platform.data.manifest import Manifest, Provenance
from slipway.platform.data.merge import Merged, settled
from slipway.platform.data.merge_write import write_tables
from slipway.platform.data.shards import FOLDER
from slipway.platform.data.snapshot import TABLES, Snapshot
from slipway.platform.data.staging import link_or_copy

if TYPE_CHECKING:
    from slipway.platform.data.revising import Change

NAMES: Final = ("index", "boxes", "identities")


def adding(addition: Snapshot, note: Provenance | None = None) -> "Change":
    """What adds it; `note` joins the provenance. Where the base has all of its rows, nothing changes."""

    def change(base: Snapshot | None, folder: Path) -> Manifest | None:
        if base is None:
            return _first(addition, note, folder)
        merged = settled(base, addition, None)
        if _same(base, merged):
            return None
        tables = (merged.index, merged.boxes, merged.identities)
        manifest = _noted(write_tables(tables, (base, addition, None), folder), note)
        _link(manifest, base.manifest, addition, folder)
        return manifest

    return change


def _first(addition: Snapshot, note: Provenance | None, folder: Path) -> Manifest:
    for name in TABLES:
        link_or_copy(addition.folder / name, folder / name)
    manifest = _noted(addition.manifest, note)
    _link(manifest, None, addition, folder)
    return manifest


def _same(base: Snapshot, merged: Merged) -> bool:
    """Whether the merged rows say what the base's do; in which of two shards the bytes are does not matter."""
    for name in NAMES:
        before, after = getattr(base, name), getattr(merged, name)
        said = [column for column in after.column_names if column not in STORED]
        if before.num_rows != after.num_rows or set(said) != set(before.column_names) - set(STORED):
            return False
        if not after.select(said).equals(before.select(said)):
            return False
    return True


def _noted(manifest: Manifest, note: Provenance | None) -> Manifest:
    if note is None or note in manifest.provenance:
        return manifest
    entries = {canonical(one.model_dump(mode="json")): one for one in (*manifest.provenance, note)}
    return manifest.model_copy(update={"provenance": tuple(entries[key] for key in sorted(entries))})


def _link(manifest: Manifest, base: Manifest | None, addition: Snapshot, folder: Path) -> None:
    """The shards that the base has not."""
    (folder / FOLDER).mkdir(exist_ok=True)
    for name in manifest.files:
        if name.startswith(f"{FOLDER}/") and (base is None or name not in base.files):
            link_or_copy(addition.folder / name, folder / name)
