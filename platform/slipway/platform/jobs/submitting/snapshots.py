"""Which snapshot a piece of work learns from, and having it in the cache.

Naming it fetches nothing: work that is done is found by its key. What lies in a folder of a person's own is taken into
the cache first, so that the bytes which a run was named after stay what they are.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.manifest import NAME, read_manifest
from slipway.platform.data.pointer import Pointer
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, load_record, make_record, save_record
from slipway.platform.data.watching import SILENT, Watcher

if TYPE_CHECKING:
    from slipway.platform.data.view import View
    from slipway.platform.settings import Loaded


@dataclass(frozen=True)
class Named:
    """A snapshot that is meant."""

    digest: str
    pointer: Pointer | None = None
    folder: Path | None = None
    """Where a person has it, if so."""


def name_snapshot(reference: str | None, loaded: "Loaded", watcher: Watcher = SILENT) -> Named:
    """What `reference` means: a folder, the beginning of a digest, a git revision; without one, `data.dvc`'s."""
    project = Project(loaded.root, loaded.settings)
    if reference is None:
        pointer = project.pointer()
        return Named(pointer.digest, pointer, project.data if _holds(project.data, pointer.digest) else None)
    if (Path(reference) / NAME).is_file():
        return Named(read_manifest(Path(reference)).digest, folder=Path(reference))
    from slipway.platform.data.reference import resolve

    return Named(read_manifest(resolve(reference, loaded, watcher=watcher)).digest)


def have_snapshot(named: Named, loaded: "Loaded", view: "View", watcher: Watcher = SILENT) -> Record:
    """See that the store knows the snapshot and that the cache has what the view needs."""
    from slipway.platform.data.obtain import obtain

    project = Project(loaded.root, loaded.settings)
    record = load_record(project.store, named.digest)
    if named.folder is not None and (record is None or not _cached(record, project)):
        record = _adopt(project, named)
    pointer = record.pointer() if record else named.pointer or project.pointer()
    return obtain(project, pointer, watcher, view)[0]


def offer_snapshot(named: Named, loaded: "Loaded", watcher: Watcher = SILENT) -> Record:
    """See that the store knows the snapshot and that the remote has all of it, for other machines."""
    from slipway.platform.data.obtain import record_of
    from slipway.platform.data.push import push

    project = Project(loaded.root, loaded.settings)
    record = load_record(project.store, named.digest)
    if named.folder is not None and (record is None or not _cached(record, project)):
        record = _adopt(project, named)
    if record is None:
        record = record_of(project, named.pointer or project.pointer())
    push(project, record, watcher)
    return record


def _holds(folder: Path, digest: str) -> bool:
    return (folder / NAME).is_file() and read_manifest(folder).digest == digest


def _cached(record: Record, project: Project) -> bool:
    return all(project.cache.has(oid, record.entry(name).size) for name, oid in record.md5.items())


def _adopt(project: Project, named: Named) -> Record:
    """Take a folder's files into the cache, each found to be what the manifest says."""
    from slipway.platform.data.objects import hashes
    from slipway.platform.data.obtain import store_objects

    folder = named.folder
    if folder is None:
        raise ValueError("there is no folder to take it from")
    manifest = read_manifest(folder)
    md5 = {}
    for name in (*manifest.files, NAME):
        md5[name], sha256 = hashes(folder / name)
        if name != NAME and sha256 != manifest.files[name].sha256:
            raise SnapshotDamaged(
                f"{folder / name} has sha256 {sha256}, {manifest.files[name].sha256} expected.",
                mend="`slipway data pull` fetches it again.",
            )
    record = make_record(manifest, md5, str(folder))
    store_objects(project, record, folder)
    save_record(project.store, record)
    return record
