"""The working snapshot `data/`: what state it is in, and bringing it to another snapshot.

What cannot be had again is never overwritten unasked: a snapshot that nobody committed, an edited table, a file that is
not the snapshot's. What is missing, or a shard whose bytes are not what its name says, is simply restored.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from slipway.platform.data.errors import DataError, SnapshotDamaged
from slipway.platform.data.history import committed_pointer
from slipway.platform.data.manifest import NAME, read_manifest
from slipway.platform.data.objects import copy, is_whole
from slipway.platform.data.obtain import obtain
from slipway.platform.data.pointer import NAME as POINTER
from slipway.platform.data.pointer import Pointer, read_pointer, write_pointer
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, load_record
from slipway.platform.data.shards import FOLDER as SHARDS
from slipway.platform.data.staging import Staging, explained, link_or_copy, recover
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.machine import cores

FORCE = "`slipway data commit` keeps it; `slipway data pull --force` replaces it."


@dataclass(frozen=True)
class WorkTree:
    """What is found in `data/`."""

    digest: str | None
    whole: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    """Shards whose bytes are not what their name says."""
    edited: tuple[str, ...] = ()
    """Tables with other bytes than the manifest says, and files that it does not list."""

    @property
    def clean(self) -> bool:
        """Whether it is exactly the snapshot that its manifest names."""
        return self.digest is not None and not (self.missing or self.damaged or self.edited)


@dataclass(frozen=True)
class Pulled:
    """What a pull did."""

    pointer: Pointer
    changed: bool
    pointer_moved: bool


def inspect(folder: Path, watcher: Watcher = SILENT) -> WorkTree:
    """Read every file of `data/`."""
    if not (folder / NAME).is_file():
        found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return WorkTree(None, edited=tuple(found))
    try:
        manifest = read_manifest(folder)
    except SnapshotDamaged:
        return WorkTree(None, edited=(NAME,))
    watcher.expect(f"checking {folder.name}/", sum(entry.size for entry in manifest.files.values()))

    def check(name: str) -> bool:
        entry = manifest.files[name]
        try:
            return is_whole(folder / name, entry)
        finally:
            watcher.advance(entry.size)

    with ThreadPoolExecutor(cores().threads) as pool:
        found_whole = dict(zip(manifest.files, pool.map(check, manifest.files), strict=True))
    missing = [name for name in manifest.files if not (folder / name).exists()]
    wrong = [name for name, whole in found_whole.items() if not whole and name not in missing]
    foreign = [
        name
        for path in folder.rglob("*")
        if not path.is_dir() and (name := path.relative_to(folder).as_posix()) not in {*manifest.files, NAME}
    ]
    return WorkTree(
        manifest.digest,
        frozenset(name for name, whole in found_whole.items() if whole),
        tuple(sorted(missing)),
        tuple(sorted(name for name in wrong if name.startswith(f"{SHARDS}/"))),
        tuple(sorted([*foreign, *(name for name in wrong if not name.startswith(f"{SHARDS}/"))])),
    )


def pull(project: Project, pointer: Pointer, watcher: Watcher, *, force: bool = False, dry_run: bool = False) -> Pulled:
    """Bring `data/` and `data.dvc` to the snapshot that the pointer names, or say whether that would change them."""
    with project.changing(watcher):
        recover(project.data)
        tree = inspect(project.data, watcher)
        before = read_pointer(project.root)
        if not force:
            _refuse_loss(project, tree, pointer, before)
        current = tree.clean and tree.digest == pointer.digest
        if dry_run:
            return Pulled(pointer, not current, pointer != before)
        if not current:
            record, source = obtain(project, pointer, watcher)
            _put(record, source, project.data, tree, watcher)
        if pointer != before:
            write_pointer(project.root, pointer)
        return Pulled(pointer, not current, pointer != before)


def _refuse_loss(project: Project, tree: WorkTree, wanted: Pointer, before: Pointer | None) -> None:
    if tree.edited:
        raise DataError(
            f"{project.data} has files that no snapshot holds: {', '.join(tree.edited[:5])}"
            f"{' and more' if len(tree.edited) > 5 else ''}. Nothing was changed.",  # noqa: PLR2004 - as named
            mend="Move them away, or let `slipway data pull --force` replace them.",
        )
    known = {None, wanted.digest, before.digest if before else None}
    if tree.digest in known or load_record(project.store, tree.digest or "") is not None:
        return
    committed = committed_pointer(project)
    if committed is None or committed.digest != tree.digest:
        raise DataError(
            f"{project.data} is snapshot {(tree.digest or '')[:12]}, which is not committed; {POINTER} names "
            f"{before.digest[:12] if before else 'none'}. Nothing was changed.",
            mend=FORCE,
        )


def _put(record: Record, source: Path, target: Path, tree: WorkTree, watcher: Watcher) -> None:
    """Put the snapshot together beside `data/` and exchange the two; shards that are there already are linked."""
    watcher.expect(f"writing {target.name}/", sum(record.entry(name).size for name in record.md5))
    with explained(target):
        staging = Staging(target)
        try:
            (staging.folder / SHARDS).mkdir()
            place = partial(
                _place, record=record, source=source, folder=staging.folder, target=target, whole=tree.whole
            )
            with ThreadPoolExecutor(cores().threads) as pool:
                for name, _ in zip(record.md5, pool.map(place, record.md5), strict=True):
                    watcher.advance(record.entry(name).size)
            staging.finish()
        finally:
            staging.close()


def _place(name: str, *, record: Record, source: Path, folder: Path, target: Path, whole: frozenset[str]) -> None:
    if name in whole and name.startswith(f"{SHARDS}/"):
        link_or_copy(target / name, folder / name)
        return
    copy(source / name, folder / name)
    if not is_whole(folder / name, record.entry(name)):
        # The cache was whole when it was fetched; whatever changed it since then, it must not stay.
        (source / name).unlink(missing_ok=True)
        raise SnapshotDamaged(
            f"{source / name} in the cache is damaged; it was removed and {target} left as it was.",
            mend="Do the same again: it is fetched anew.",
        )
