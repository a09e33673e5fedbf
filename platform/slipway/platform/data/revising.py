"""A new snapshot on top of the one that a branch names, without a work tree: `data/` and what is checked out stay.

    revised = revise(project, change, message="Data: harbour, 2026-03-29", by=By("flows"), at=now)
    revised.pointer.digest, revised.changed

`change` is given the snapshot that the branch names, with its tables and without its images, and an empty folder; it
writes new tables there, and shards where there are new ones, and returns the manifest. It may be called again with
another snapshot, when somebody else was quicker, so it works on what it is given alone. None means: nothing to change.

The order makes a kill harmless: objects, remote, record, then the branch in one step. Asked again after a kill, or at
the same time by another process, it finds what is done: what decides is the content.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.data.branch import Branch, By
from slipway.platform.data.errors import DataError, SnapshotDamaged
from slipway.platform.data.manifest import NAME, Manifest
from slipway.platform.data.objects import hashes
from slipway.platform.data.obtain import obtain, record_of
from slipway.platform.data.pointer import NAME as POINTER
from slipway.platform.data.pointer import Pointer, read_pointer
from slipway.platform.data.project import Project
from slipway.platform.data.push import lacking, push
from slipway.platform.data.record import Record, make_record, save_record
from slipway.platform.data.reference import fetch_pointer
from slipway.platform.data.splits_kept import check_splits
from slipway.platform.data.watching import SILENT, Watcher

if TYPE_CHECKING:
    from slipway.platform.data.snapshot import Snapshot

Change = Callable[["Snapshot | None", Path], Manifest | None]
"""Writes tables and new shards to the folder; the base is None where the branch names no snapshot."""

TRIES: Final = 20
"""How often it begins again because others moved the branch meanwhile."""
PAUSE: Final = 0.1


@dataclass(frozen=True)
class Revised:
    """What the branch names now, or would."""

    branch: str
    pointer: Pointer
    earlier: Pointer | None
    commit: str | None
    """None: nothing was committed, because nothing changed or because it was only tried."""

    @property
    def changed(self) -> bool:
        """Whether this call made the branch name another snapshot."""
        return self.commit is not None


@dataclass(frozen=True)
class _Base:
    """What is built upon."""

    tip: str | None
    parent: str | None
    pointer: Pointer | None
    snapshot: "Snapshot | None"


def revise(  # noqa: PLR0913 - keywords that say what is committed, by whom and when
    project: Project,
    change: Change,
    *,
    message: str,
    by: By,
    at: datetime,
    branch: str | None = None,
    watcher: Watcher = SILENT,
    dry_run: bool = False,
) -> Revised:
    """Make the branch (`data.branch` unless given) name what `change` makes of its snapshot."""
    line = Branch(project, branch or project.settings.data.branch)
    line.check()
    scratch = project.cache.scratch()
    try:
        for tried in range(TRIES):
            base = _base(line, watcher)
            folder = scratch / str(tried)
            folder.mkdir(parents=True)
            manifest = change(base.snapshot, folder)
            if manifest is None or (base.pointer is not None and manifest.digest == base.pointer.digest):
                return Revised(line.name, _there(base, line), base.pointer, None)
            record = _recorded(project, base, manifest, folder)
            if dry_run:
                return Revised(line.name, record.pointer(), base.pointer, None)
            _keep(project, base, record, folder, watcher)
            commit = line.commit(record.pointer(), base.parent, message, by, at)
            if line.move(commit, base.tip, message.partition("\n")[0]):
                return Revised(line.name, record.pointer(), base.pointer, commit)
            shutil.rmtree(folder)
            watcher.note(f"The branch {line.name} was moved meanwhile: beginning again from where it is now.")
            time.sleep(PAUSE)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    raise DataError(
        f"The branch {line.name} could not be moved in {TRIES} tries: others move it, or git holds it locked.",
        mend=f"Try again; if it stays so, look for {line.ref}.lock in the repository.",
    )


def base_of(project: Project, *, branch: str | None = None, watcher: Watcher = SILENT) -> "Snapshot | None":
    """The tables of the snapshot that the branch names, or would start from."""
    return _base(Branch(project, branch or project.settings.data.branch), watcher).snapshot


def pointer_of(project: Project, *, branch: str | None = None) -> Pointer | None:
    """What the branch names, or would start from; nothing is fetched."""
    line = Branch(project, branch or project.settings.data.branch)
    commit = line.tip() or line.head()
    return line.pointer(commit) if commit else None


def _base(line: Branch, watcher: Watcher) -> _Base:
    from slipway.platform.data.snapshot import Snapshot

    tip = line.tip()
    parent = tip or line.head()
    pointer = line.pointer(parent) if parent else None
    if pointer is None:
        if tip is None and read_pointer(line.project.root) is not None:
            raise DataError(
                f"{POINTER} is here and not in git, so the branch {line.name} cannot start from it.",
                mend=f"`git add {POINTER} && git commit`",
            )
        return _Base(tip, parent, None, None)
    folder = fetch_pointer(line.project, pointer, images=False, watcher=watcher)
    return _Base(tip, parent, pointer, Snapshot(folder))


def _there(base: _Base, line: Branch) -> Pointer:
    if base.pointer is None:
        raise DataError(f"The branch {line.name} names no snapshot, and there is nothing to make one of.")
    return base.pointer


def _recorded(project: Project, base: _Base, manifest: Manifest, folder: Path) -> Record:
    """The record of what was written: addresses of the base's files are known, those of new ones are computed."""
    from slipway.platform.data.snapshot import Snapshot

    (folder / NAME).write_bytes(manifest.to_bytes())
    earlier = record_of(project, base.pointer) if base.pointer else None
    md5 = {}
    for name in (*manifest.files, NAME):
        path = folder / name
        if path.is_file():
            md5[name], sha256 = hashes(path)
            if name != NAME and sha256 != manifest.files[name].sha256:
                raise SnapshotDamaged(f"{path} changed while the snapshot was made. Nothing was committed.")
        elif earlier is not None and earlier.manifest.files.get(name) == manifest.files[name]:
            md5[name] = earlier.md5[name]
        else:
            raise SnapshotDamaged(f"{name} is neither new nor a file of the snapshot before. Nothing was committed.")
    if base.snapshot is not None:
        check_splits(base.snapshot, Snapshot(folder))
    return make_record(manifest, md5, str(folder))


def _keep(project: Project, base: _Base, record: Record, folder: Path, watcher: Watcher) -> None:
    """Everything that the snapshot is made of to the cache and the remote, then its record to the store."""
    for name, oid in sorted(record.md5.items()):
        if (folder / name).is_file():
            project.cache.add_file(folder / name, oid)
    known = set(record.md5.values())
    absent = [oid for oid, size in lacking(project.remote, record).items() if not project.cache.has(oid, size)]
    if base.pointer is not None and known.intersection(absent):
        obtain(project, base.pointer, watcher)
    push(project, record, watcher)
    save_record(project.store, record)
