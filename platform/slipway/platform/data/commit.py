"""Committing: `data.dvc` names what is in `data/`, the cache has its objects, the store its record.

The order makes a kill harmless: objects, then the record, then `data.dvc` in one step. Git is only looked at; whoever
commits data commits `data.dvc` with git when the change is right.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from slipway.platform.data.errors import DataError, SnapshotDamaged
from slipway.platform.data.manifest import NAME
from slipway.platform.data.objects import hashes
from slipway.platform.data.obtain import store_objects
from slipway.platform.data.pointer import Pointer, read_pointer, write_pointer
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, load_record, make_record, save_record
from slipway.platform.data.reference import fetch_pointer
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.splits_kept import check_splits
from slipway.platform.data.staging import recover
from slipway.platform.data.watching import Watcher
from slipway.platform.machine import cores

MEND = "`slipway data pull` restores what is missing or damaged; an edit goes through `slipway data import`."


@dataclass(frozen=True)
class Committed:
    """What a commit did, or would do."""

    pointer: Pointer
    earlier: str | None
    record: Record

    @property
    def changed(self) -> bool:
        """Whether `data.dvc` names another snapshot now."""
        return self.pointer.digest != self.earlier


def commit(project: Project, watcher: Watcher, *, dry_run: bool = False) -> Committed:
    """Make `data.dvc` name the snapshot in `data/`."""
    with project.changing(watcher), project.unwritten():
        recover(project.data)
        snapshot = Snapshot(project.data)
        record = _verified(snapshot, watcher)
        before = _named_now(project, watcher)
        for pointer in _earlier(project, before, watcher):
            if pointer.digest != record.digest:
                folder = fetch_pointer(project, _as_recorded(project, pointer), images=False, watcher=watcher)
                check_splits(Snapshot(folder), snapshot)
        pointer = record.pointer()
        if not dry_run:
            store_objects(project, record, project.data)
            save_record(project.store, record)
            if pointer != before:
                write_pointer(project.root, pointer)
        return Committed(pointer, before.digest if before else None, record)


def _earlier(project: Project, before: Pointer | None, watcher: Watcher) -> Iterator[Pointer]:
    """The snapshots whose splits must be kept: the one that `data.dvc` names here and the one at HEAD."""
    if before is not None:
        yield before
    try:
        committed = project.pointer_at("HEAD")
    except DataError as error:
        watcher.note(f"{error} Splits cannot be held against it.")
        return
    if committed is not None and committed != before:
        yield committed


def _named_now(project: Project, watcher: Watcher) -> Pointer | None:
    """What `data.dvc` says; one that was edited by hand says nothing, and is about to be written anew."""
    try:
        return read_pointer(project.root)
    except DataError as error:
        watcher.note(f"{error} It is written anew; splits are held against HEAD alone.")
        return None


def _as_recorded(project: Project, pointer: Pointer) -> Pointer:
    """The record knows better than a `data.dvc` what belongs to a digest."""
    record = load_record(project.store, pointer.digest)
    return record.pointer() if record else pointer


def _verified(snapshot: Snapshot, watcher: Watcher) -> Record:
    """The record of a folder in which every file is what the manifest says."""
    names = [*snapshot.manifest.files, NAME]
    damage = foreign_files(snapshot)
    watcher.expect("checking data/", sum(entry.size for entry in snapshot.manifest.files.values()))
    with ThreadPoolExecutor(cores().threads) as pool:
        found = dict(zip(names, pool.map(lambda name: _hashes_of(snapshot, name, watcher), names), strict=True))
    for name, entry in snapshot.manifest.files.items():
        _, sha256 = found[name]
        if sha256 != entry.sha256:
            told = f"has sha256 {sha256}, {entry.sha256} expected" if sha256 else "is missing"
            damage.append(f"{snapshot.folder / name} {told}")
    if damage:
        more = f" There are {len(damage) - 1} more." if len(damage) > 1 else ""
        raise SnapshotDamaged(f"{damage[0]}.{more} Nothing was committed.", mend=MEND)
    return make_record(snapshot.manifest, {name: md5 for name, (md5, _) in found.items()}, str(snapshot.folder))


def foreign_files(snapshot: Snapshot) -> list[str]:
    """Files in the folder that the manifest does not list; DVC would list them."""
    known = {*snapshot.manifest.files, NAME}
    paths = sorted(path for path in snapshot.folder.rglob("*") if path.is_file() or path.is_symlink())
    return [
        f"{path} is no part of the snapshot"
        for path in paths
        if path.relative_to(snapshot.folder).as_posix() not in known
    ]


def _hashes_of(snapshot: Snapshot, name: str, watcher: Watcher) -> tuple[str, str]:
    try:
        return hashes(snapshot.folder / name, watcher.advance)
    except FileNotFoundError:
        return "", ""
