"""Objects that no known snapshot needs, in the cache and the remote.

Needed is what `data.dvc` names anywhere in git or in a work tree, and what the store has a record of. `older` lets go
of snapshots of that age as well, but never of one that a branch, a tag or a work tree names now. What is younger than
a day stays in any case: somebody may be about to commit it. Records are never removed.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.data.errors import DataError
from slipway.platform.data.history import Version, is_shallow, versions
from slipway.platform.data.objects import Cache
from slipway.platform.data.obtain import record_of
from slipway.platform.data.project import Project
from slipway.platform.data.push import object_sizes
from slipway.platform.data.remote import ObjectGone, Remote

if TYPE_CHECKING:
    from slipway.platform.data.record import Record

GRACE = timedelta(days=1)


@dataclass(frozen=True)
class Garbage:
    """What can go."""

    cached: dict[str, int]
    remote: dict[str, int]
    folders: tuple[Path, ...]
    released: tuple[str, ...]
    """Known snapshots that are let go because of their age."""

    @property
    def size(self) -> int:
        """Bytes of the objects."""
        return sum(self.cached.values()) + sum(self.remote.values())


def find_garbage(project: Project, *, older: timedelta | None = None, grace: timedelta = GRACE) -> Garbage:
    """Look only. Raises rather than guess when the known snapshots cannot all be known."""
    if is_shallow(project):
        raise DataError(
            f"{project.root} is a shallow clone: which snapshots its history names is not known.",
            mend="`git fetch --unshallow`, then again.",
        )
    known = versions(project)
    released = [one for one in known if older is not None and _may_go(one, older)]
    kept = [one for one in known if one not in released]
    needed = {oid for version in kept for oid in _objects(project, version)}
    digests = {version.digest for version in kept}
    return Garbage(
        {oid: size for oid, size, age in _cached(project.cache) if oid not in needed and age >= grace},
        {oid: size for oid, size, age in project.remote.objects() if oid not in needed and age >= grace},
        tuple(path for path in _unnamed(project.cache, digests) if _age(path) >= grace),
        tuple(version.digest for version in released),
    )


def collect(garbage: Garbage, cache: Cache, remote: Remote) -> None:
    """Remove it; a kill in between leaves the rest for the next time. DVC's lists go first, so that none dangles."""
    for path in garbage.folders:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for oid in sorted(garbage.cached, key=_lists_first):
        cache.object(oid).unlink(missing_ok=True)
    for oid in sorted(garbage.remote, key=_lists_first):
        remote.delete(oid)


def _may_go(version: Version, older: timedelta) -> bool:
    return not version.names and version.date is not None and datetime.now(UTC) - version.date >= older


def _objects(project: Project, version: Version) -> Iterator[str]:
    """The objects of a snapshot. One whose list of files is gone for good needs none; other doubts are errors."""
    record: Record | None = version.record
    if record is None and version.pointer is not None:
        yield version.pointer.tree
        with suppress(ObjectGone):
            record = record_of(project, version.pointer, remember=False)
    if record is not None:
        yield from object_sizes(record)


def _cached(cache: Cache) -> Iterator[tuple[str, int, timedelta]]:
    for path in sorted(cache.objects.glob("??/*")):
        with suppress(FileNotFoundError):
            yield path.parent.name + path.name, path.stat().st_size, _age(path)


def _unnamed(cache: Cache, digests: set[str]) -> Iterator[Path]:
    """Fetched snapshots that are not known, and what killed processes left half-way."""
    for folder, kept in ((cache.snapshots, digests), (cache.halfway, set[str]())):
        if folder.is_dir():
            yield from (path for path in sorted(folder.iterdir()) if path.name not in kept)


def _age(path: Path) -> timedelta:
    return datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _lists_first(oid: str) -> tuple[bool, str]:
    return not oid.endswith(".dir"), oid
