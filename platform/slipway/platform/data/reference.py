"""From what a person writes to the snapshot that is meant.

A reference is a snapshot's folder, the beginning of a digest that the store knows, or a git revision whose `data.dvc`
names one. Where the snapshot is not at hand it is fetched, at first without its images: comparing needs the tables.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.data.errors import RemoteFailed
from slipway.platform.data.fetch import bring_files
from slipway.platform.data.manifest import NAME
from slipway.platform.data.pointer import Pointer
from slipway.platform.data.project import Project
from slipway.platform.data.remote import ObjectGone
from slipway.platform.data.snapshot import TABLES
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

SHORTEST: Final = 4
"""Digits from which hexadecimal text is looked up as the beginning of a digest."""

_DIGEST: Final = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}")


def resolve(
    reference: str | None,
    loaded: "Loaded",
    *,
    images: bool = False,
    watcher: Watcher = SILENT,
    start: Path | None = None,
) -> Path:
    """The folder of the snapshot that is meant, with its images if they are wanted; without a reference `data/`."""
    project = Project(loaded.root, loaded.settings)
    if reference is None:
        return project.data
    folder = (start or Path.cwd()) / reference
    if (folder / NAME).is_file():
        return folder
    if _DIGEST.fullmatch(reference) and (known := _by_digest(project, reference)) is not None:
        return fetch_pointer(project, known, images=images, watcher=watcher)
    try:
        pointer = project.pointer_named(reference)
    except WrongUse:
        raise _unknown(reference, folder, project) from None
    return fetch_pointer(project, pointer, images=images, watcher=watcher)


def fetch_pointer(project: Project, pointer: Pointer, *, images: bool, watcher: Watcher) -> Path:
    """The folder of the snapshot that a `data.dvc` names."""
    from slipway.platform.data.obtain import obtain, record_of

    if not images:
        try:
            record = record_of(project, pointer)
            bring_files(record, [NAME, *TABLES], project.cache, project.remote, watcher)
            return project.cache.snapshot(record.digest)
        except (ObjectGone, RemoteFailed):
            watcher.note(f"The tables of {pointer.digest[:12]} are not to be had alone: getting all of it.")
    return obtain(project, pointer, watcher)[1]


def _by_digest(project: Project, beginning: str) -> Pointer | None:
    """The one snapshot of the store or of git's history whose digest begins so, if there is one."""
    from slipway.platform.data.history import versions

    found = [one for one in versions(project) if one.digest.startswith(beginning)]
    if len(found) > 1:
        told = ", ".join(one.digest[: len(beginning) + SHORTEST] for one in found[:5])
        raise WrongUse(f"`{beginning}` begins {len(found)} digests: {told}.", mend="Write more of it.")
    return next((one.record.pointer() if one.record else one.pointer for one in found), None)


def _unknown(reference: str, folder: Path, project: Project) -> WrongUse:
    if folder.is_dir():
        return WrongUse(f"{folder} holds no snapshot: {NAME} is missing.", mend="Name a snapshot's folder.")
    return WrongUse(
        f"`{reference}` is no snapshot's folder, no digest that {project.store.url} knows, and no git revision.",
        mend="`slipway data versions` lists digests, `git log -- data.dvc` revisions.",
    )
