"""Pushing: every object of a snapshot that the remote lacks, DVC's list of files last.

So whoever finds the list there finds all that it names. An object of another size than it should have is sent again.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.objects import Cache, hashes
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, tree_of
from slipway.platform.data.remote import Remote
from slipway.platform.data.watching import Watcher


@dataclass(frozen=True)
class Pushed:
    """What was sent, or would be."""

    digest: str
    remote: str
    objects: Mapping[str, int]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(self.objects.values())


def object_sizes(record: Record) -> dict[str, int]:
    """Every object of a snapshot with its size, DVC's list of files last."""
    tree, data = tree_of(record.md5)
    return {oid: record.entry(name).size for name, oid in sorted(record.md5.items())} | {tree: len(data)}


def lacking(remote: Remote, record: Record) -> dict[str, int]:
    """The objects that the remote does not have, or not with this size."""
    sizes = object_sizes(record)
    with ThreadPoolExecutor(remote.parallel) as pool:
        found = dict(zip(sizes, pool.map(remote.size, sizes), strict=True))
    return {oid: size for oid, size in sizes.items() if found[oid] != size}


def push(project: Project, record: Record, watcher: Watcher, *, dry_run: bool = False) -> Pushed:
    """Send what is lacking, from the cache."""
    remote, cache = project.remote, project.cache
    missing = lacking(remote, record)
    pushed = Pushed(record.digest, remote.url, missing)
    if dry_run or not missing:
        return pushed
    tree, data = tree_of(record.md5)
    cache.add_bytes(data, tree)
    watcher.expect(f"pushing {record.digest[:12]}", pushed.size)
    with ThreadPoolExecutor(remote.parallel) as pool:
        try:
            list(pool.map(lambda oid: _send(oid, cache, remote, missing, watcher), [o for o in missing if o != tree]))
        finally:
            pool.shutdown(cancel_futures=True)
    if tree in missing:
        _send(tree, cache, remote, missing, watcher)
    return pushed


def _send(oid: str, cache: Cache, remote: Remote, missing: Mapping[str, int], watcher: Watcher) -> None:
    path = cache.object(oid)
    if not cache.has(oid, missing[oid]) or hashes(path)[0] != oid.removesuffix(".dir"):
        raise SnapshotDamaged(
            f"Object {oid} is missing or damaged in the cache {cache.folder}; it was not pushed.",
            mend="`slipway data commit` puts what is in data/ into the cache again.",
        )
    remote.put(oid, path)
    watcher.advance(missing[oid])
