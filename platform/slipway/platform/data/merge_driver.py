"""Merging two `data.dvc` for git: the snapshots that they name become one, and the pointer to it is the result.

Only the tables are fetched: shards are named by their content, so the merged snapshot's list of files is known without
them. Its tables go into the cache and its record into the store, so that `slipway data pull` then brings the merged
snapshot into `data/` and `slipway data push` shares it.
"""

import shutil
from pathlib import Path
from typing import Final

from slipway.platform.data.errors import DataError
from slipway.platform.data.manifest import NAME, Manifest
from slipway.platform.data.merge import Take, settled
from slipway.platform.data.merge_write import write_tables
from slipway.platform.data.objects import hashes
from slipway.platform.data.obtain import record_of
from slipway.platform.data.pointer import Pointer, parse_pointer
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, make_record, save_record, tree_of
from slipway.platform.data.reference import fetch_pointer
from slipway.platform.data.snapshot import TABLES, Snapshot
from slipway.platform.data.watching import Watcher

BY_HAND: Final = """Let one side hold, then go on with git:
slipway data merge HEAD MERGE_HEAD --base $(git merge-base HEAD MERGE_HEAD) --take ours
slipway data commit
git add data.dvc"""


def merge_pointers(
    project: Project, base: Pointer | None, ours: Pointer, theirs: Pointer, watcher: Watcher, take: Take | None = None
) -> Pointer:
    """The pointer to the merged snapshot; a `MergeConflict` lists what stands against it."""
    if ours.digest == theirs.digest or (base and base.digest == theirs.digest):
        return ours
    if base and base.digest == ours.digest:
        return theirs
    left, right, origin = (_tables_of(project, one, watcher) for one in (ours, theirs, base))
    if left is None or right is None:
        raise AssertionError("both sides have a pointer")
    merged = settled(left, right, origin, take)
    scratch = project.cache.scratch()
    scratch.mkdir(parents=True)
    try:
        manifest = write_tables((merged.index, merged.boxes, merged.identities), (left, right, origin), scratch)
        return _remembered(project, manifest, (record_of(project, ours), record_of(project, theirs)), scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def pointer_in(path: Path, name: str) -> Pointer | None:
    """The pointer in a file that git made; it is empty where a side has none."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{name} is no text.", mend="`git log -- data.dvc` shows who changed it.") from None
    return parse_pointer(text, name) if text.strip() else None


def _tables_of(project: Project, pointer: Pointer | None, watcher: Watcher) -> Snapshot | None:
    return None if pointer is None else Snapshot(fetch_pointer(project, pointer, images=False, watcher=watcher))


def _remembered(project: Project, manifest: Manifest, sides: tuple[Record, Record], scratch: Path) -> Pointer:
    """The merged snapshot's own files into the cache, its record into the store."""
    (scratch / NAME).write_bytes(manifest.to_bytes())
    known = {**sides[1].md5, **sides[0].md5}
    md5 = {name: known[name] for name in manifest.files if name not in TABLES}
    for name in (NAME, *TABLES):
        md5[name], _ = hashes(scratch / name)
        project.cache.add_file(scratch / name, md5[name])
    record = make_record(manifest, md5, "the merged snapshot")
    oid, data = tree_of(record.md5)
    project.cache.add_bytes(data, oid)
    save_record(project.store, record)
    return record.pointer()
