"""Having the snapshot that a `data.dvc` names: from the cache, else from the remote, else made again by its source.

The store's record is used where there is one and made where there is none, so that jobs find what people have. Nothing
is believed: whatever the way, the bytes must be those that the digest names.
"""

import shutil
from contextlib import suppress
from pathlib import Path

from slipway.platform.data.errors import DataError, RemoteFailed, SnapshotDamaged, SnapshotMissing
from slipway.platform.data.fetch import bring, bring_files
from slipway.platform.data.manifest import NAME, Manifest
from slipway.platform.data.objects import hashes, is_whole
from slipway.platform.data.pointer import NAME as POINTER
from slipway.platform.data.pointer import Pointer
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, load_record, make_record, save_record, tree_of
from slipway.platform.data.remote import ObjectGone
from slipway.platform.data.sources import find_source
from slipway.platform.data.view import View
from slipway.platform.data.watching import Watcher

MEND_POINTER = f"`git checkout {POINTER}`, or `slipway data commit` where the data is right."


def obtain(project: Project, pointer: Pointer, watcher: Watcher, view: View | None = None) -> tuple[Record, Path]:
    """The record and the folder in the cache of the snapshot that a pointer names."""
    try:
        record = record_of(project, pointer)
        return record, bring(record, project.cache, project.remote, view, watcher)
    except (ObjectGone, RemoteFailed) as missing:
        if pointer.source is None:
            raise _not_to_be_had(project, pointer, missing) from None
        return _make_again(project, pointer, pointer.source, watcher)


def record_of(project: Project, pointer: Pointer, *, remember: bool = True) -> Record:
    """The store's record, else one put together from the cache or the remote; it must agree with the pointer."""
    stored = load_record(project.store, pointer.digest)
    record = stored or _record_from_objects(project, pointer)
    check_pointer(pointer, record)
    if stored is None and remember:
        save_record(project.store, record)
    return record


def check_pointer(pointer: Pointer, record: Record) -> None:
    """What `data.dvc` says of a snapshot must be what its record says."""
    expected = record.pointer()
    for name in ("tree", "nfiles", "size"):
        if getattr(pointer, name) != getattr(expected, name):
            raise DataError(
                f"{POINTER} was edited by hand, or by `dvc add`: snapshot {pointer.digest[:12]} has "
                f"{'md5' if name == 'tree' else name} {getattr(expected, name)}, "
                f"found {getattr(pointer, name)}.",
                mend=MEND_POINTER,
            )


def _record_from_objects(project: Project, pointer: Pointer) -> Record:
    """DVC's list of files leads to the manifest, and both together are the record."""
    import json

    place = f"DVC's list of files {pointer.tree}"
    try:
        listed = json.loads(_object(project, pointer.tree))
        md5 = {str(one["relpath"]): str(one["md5"]) for one in listed}
    except (ValueError, TypeError, KeyError):
        raise SnapshotDamaged(f"{place} is damaged.", mend="`slipway data push` where it is whole.") from None
    if tree_of(md5)[0] != pointer.tree:
        raise SnapshotDamaged(f"{place} is not what its name says.", mend="`slipway data push` where it is whole.")
    if NAME not in md5:
        raise DataError(f"{place} holds no {NAME}: {POINTER} names no snapshot.", mend=MEND_POINTER)
    manifest = Manifest.from_bytes(_object(project, md5[NAME]), f"{NAME} of {pointer.tree}")
    if manifest.digest != pointer.digest:
        raise DataError(
            f"{POINTER} was edited by hand, or by `dvc add`: its md5 leads to snapshot {manifest.digest}, "
            f"its `meta.snapshot` says {pointer.digest}.",
            mend=MEND_POINTER,
        )
    return make_record(manifest, md5, place)


def _object(project: Project, oid: str) -> bytes:
    """A small object, from the cache or the remote, of the md5 that names it."""
    cached = project.cache.object(oid)
    with suppress(FileNotFoundError):
        if hashes(cached)[0] == oid.removesuffix(".dir"):
            return cached.read_bytes()
    temporary = project.cache.scratch()
    try:
        project.remote.get(oid, temporary)
        if hashes(temporary)[0] != oid.removesuffix(".dir"):
            raise SnapshotDamaged(
                f"{project.remote.address(oid)} is not what its name says.",
                mend="Remove that object, then `slipway data push` where the snapshot is whole.",
            )
        return project.cache.admit(temporary, oid).read_bytes()
    finally:
        temporary.unlink(missing_ok=True)


def _make_again(project: Project, pointer: Pointer, source: str, watcher: Watcher) -> tuple[Record, Path]:
    """Let the source render the snapshot, check that it is the same, and put it into the cache."""
    watcher.note(f"The remote does not have snapshot {pointer.digest[:12]}: making `{source}` again.")
    scratch = project.cache.scratch()
    folder = scratch / "data"
    scratch.mkdir(parents=True)
    try:
        find_source(source).make(source, folder, watcher.note)
        record = _into_cache(project, folder, pointer.digest, source)
        check_pointer(pointer, record)
        save_record(project.store, record)
        bring_files(record, sorted(record.md5), project.cache, project.remote, watcher)
        return record, project.cache.snapshot(record.digest)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _into_cache(project: Project, folder: Path, digest: str, source: str) -> Record:
    """Copy a rendered snapshot into the cache, if it is the one that was wanted."""
    from slipway.platform.data.snapshot import Snapshot

    snapshot = Snapshot(folder)
    if snapshot.digest != digest:
        raise SnapshotDamaged(
            f"`{source}` made again gives snapshot {snapshot.digest}, {digest} expected."
            + _differing(project, snapshot.manifest, digest),
            mend="This version of slipway renders it differently: use the one that committed it, or a remote.",
        )
    md5 = {}
    for name in (*snapshot.manifest.files, NAME):
        md5[name], _ = hashes(folder / name)
    record = make_record(snapshot.manifest, md5, str(folder))
    store_objects(project, record, folder)
    return record


def store_objects(project: Project, record: Record, folder: Path) -> None:
    """All objects of a snapshot into the cache, DVC's list of files last."""
    for name, oid in sorted(record.md5.items()):
        if not is_whole(project.cache.object(oid), record.entry(name)):
            project.cache.object(oid).unlink(missing_ok=True)
            project.cache.add_file(folder / name, oid)
    tree, data = tree_of(record.md5)
    project.cache.add_bytes(data, tree)


def _differing(project: Project, made: Manifest, digest: str) -> str:
    """Which parts of the manifest differ, where the wanted one is known."""
    wanted = load_record(project.store, digest)
    if wanted is None:
        return ""
    manifest = wanted.manifest
    names = sorted(
        name for name in {*made.files, *manifest.files} if made.files.get(name) != manifest.files.get(name)
    ) + [name for name in ("counts", "provenance", "licence") if getattr(made, name) != getattr(manifest, name)]
    return f" They differ in {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}."  # noqa: PLR2004


def _not_to_be_had(project: Project, pointer: Pointer, missing: DataError) -> DataError:
    if isinstance(missing, ObjectGone):
        return SnapshotMissing(
            f"Snapshot {pointer.digest[:12]} is neither in the cache nor whole in the remote "
            f"{project.remote.url}: {missing}",
            mend=missing.mend,
        )
    return missing
