"""Which deliveries there are, and having one of them as a folder on this machine.

A directory's are used where they are; those of a bucket are brought into a scratch folder first, and what a source
makes is made there. Names in a bucket are anybody's, so they stay inside of that folder or the delivery is refused.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway.platform.data.delivered.note import NAME as NOTE
from slipway.platform.data.errors import BadImport, SnapshotMissing
from slipway.platform.data.manifest import NAME as MANIFEST
from slipway.platform.data.manifest import read_manifest
from slipway.platform.data.snapshot import file_digest
from slipway.platform.data.sources import find_source, installed_sources
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    from slipway.platform.data.project import Project
    from slipway.platform.data.watching import Watcher
    from slipway.platform.store import Store

BUCKET: Final = "s3://"
LAST: Final = (MANIFEST, NOTE)
_SAFE: Final = re.compile(r"(?!\.)[^/\\\x00-\x1f]{1,200}(/(?!\.)[^/\\\x00-\x1f]{1,200})*")


@dataclass(frozen=True)
class Delivery:
    """Something that was delivered."""

    name: str
    place: str
    """Where it is, for people: a folder, an address, or `source`."""
    folder: Path | None = None
    files: Mapping[str, str] | None = None
    """In a bucket: the store's key of each file."""

    @property
    def complete(self) -> bool:
        """Whether the file that comes last is there."""
        if self.folder is not None:
            return any((self.folder / name).is_file() for name in LAST)
        return self.files is None or any(name in self.files for name in LAST)

    def bring(self, project: "Project", scratch: Path, watcher: "Watcher") -> Path:
        """Its folder on this machine."""
        if self.folder is not None:
            return self.folder
        target = scratch / "delivered"
        if self.files is None:
            watcher.note(f"Making `{self.name}` …")
            find_source(self.name).make(self.name, target, watcher.note)
            return target
        store = _store(project)
        watcher.note(f"fetching {len(self.files):,} files of {self.name}")
        for name, key in self.files.items():
            if not _SAFE.fullmatch(name):
                raise BadImport(f"{self.place}/{name!r} is no name for a file.", mend="Deliver it under another name.")
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            store.get_file(key, target / name)
        return target


def waiting(project: "Project") -> list[Delivery]:
    """All that lie where the settings say, by name, whether or not they were taken before."""
    place = project.settings.data.deliveries
    if place is None:
        return []
    if not place.startswith(BUCKET):
        folder = Path(place)
        found = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        return [Delivery(path.name, str(path), path) for path in found if not path.name.startswith(".")]
    by_name: dict[str, dict[str, str]] = {}
    for key in _store(project).list(""):
        name, slash, rest = key.partition("/")
        if slash:
            by_name.setdefault(name, {})[rest] = key
    return [Delivery(name, f"{place}/{name}", files=files) for name, files in sorted(by_name.items())]


def named(project: "Project", reference: str) -> Delivery:
    """The one that somebody means: a folder, what a source makes, or the name of one that waits."""
    folder = Path(reference)
    if folder.is_dir():
        return Delivery(folder.resolve().name, str(folder), folder.resolve())
    makes = [name for source in installed_sources() for name in source.names()]
    if reference in makes:
        return Delivery(reference, "source")
    found = waiting(project)
    if (one := next((one for one in found if one.name == reference), None)) is not None:
        return one
    raise SnapshotMissing(
        f"`{reference}` is no folder, no delivery in {project.settings.data.deliveries}, and no source makes it.",
        mend=suggestion(reference, [*(one.name for one in found), *makes]),
    )


def content_of(folder: Path) -> str:
    """The sha256 of all that a delivery is: a snapshot's own name, else over its files and what they are called."""
    if (folder / MANIFEST).is_file():
        return read_manifest(folder).digest
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def _store(project: "Project") -> "Store":
    from slipway.platform.settings import schema
    from slipway.platform.store import open_store

    return open_store(schema.Store(url=project.settings.data.deliveries or ""), project.settings.s3)
