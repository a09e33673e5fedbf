"""Fetching a snapshot by its digest, with or without a git repository, by any number of processes at once.

The store's record names the files and DVC's addresses; the objects come from the remote into the shared cache. One
process fetches an object while others that want it wait, say so, and then find it there. A file stands in the
snapshot's folder when its sha256 was found to be the manifest's, and not before: whatever kills a fetch, the next one
goes on with what is not there yet. The folder's files are read-only links to the cache; a wider view adds shards to it.
"""

import threading
from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.locking import Stopped, locked
from slipway.platform.data.manifest import NAME, FileEntry
from slipway.platform.data.objects import Cache, hashes, is_whole, link, size_of
from slipway.platform.data.record import Record, load_record, recorded, resolve
from slipway.platform.data.remote import NoRoom, Remote, no_room, open_remote
from slipway.platform.data.view import View
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.machine import cores
from slipway.platform.store import open_store

if TYPE_CHECKING:
    from slipway.platform.settings import Settings


def fetch(digest: str, settings: "Settings", *, view: View | None = None, watcher: Watcher = SILENT) -> Path:
    """The folder of the snapshot whose digest is or begins with `digest`, with all that the view needs."""
    store = open_store(settings.store, settings.s3)
    known = recorded(store, digest) or recorded(store)
    record = load_record(store, resolve(digest, known, f"the store {store.url}"))
    if record is None:  # removed between the two looks
        raise SnapshotDamaged(f"The record of {digest} has gone from the store {store.url}.", mend="Try again.")
    cache = Cache(settings.data.cache)
    return bring(record, cache, open_remote(settings.data, settings.s3), view, watcher)


def bring(record: Record, cache: Cache, remote: Remote, view: View | None, watcher: Watcher) -> Path:
    """Make the snapshot's folder in the cache hold what the view needs, or everything."""
    folder = cache.snapshot(record.digest)
    everything = sorted(record.md5)
    if view is None or not _Work(record, cache, remote, watcher).lacking(everything):
        bring_files(record, everything, cache, remote, watcher)
        return folder
    bring_files(record, [NAME, *view.files], cache, remote, watcher)
    from slipway.platform.data.snapshot import Snapshot

    bring_files(record, view.shards(Snapshot(folder).index), cache, remote, watcher)
    return folder


def bring_files(record: Record, names: Iterable[str], cache: Cache, remote: Remote, watcher: Watcher) -> None:
    """Make these files stand in the snapshot's folder, whole."""
    work = _Work(record, cache, remote, watcher)
    wanted = work.lacking(names)
    if not wanted:
        return
    watcher.expect(f"fetching {record.digest[:12]}", sum(record.entry(name).size for name in wanted))
    parallel = max(remote.parallel, cores().threads)
    with ThreadPoolExecutor(parallel, thread_name_prefix="slipway-fetch") as pool:
        try:
            futures = [pool.submit(work.bring, name) for name in wanted]
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            work.stop.set()
            pool.shutdown(cancel_futures=True)
    failed = [error for one in finished if (error := one.exception()) is not None]
    for error in sorted(failed, key=lambda error: isinstance(error, Stopped)):
        raise error


@dataclass
class _Work:
    """One call's share of the fetching."""

    record: Record
    cache: Cache
    remote: Remote
    watcher: Watcher
    stop: threading.Event = field(default_factory=threading.Event)
    told: bool = False

    def lacking(self, names: Iterable[str]) -> list[str]:
        """Those of the files that do not stand in the snapshot's folder yet."""
        return [name for name in names if not self.is_there(name)]

    def is_there(self, name: str) -> bool:
        """Whether a file stands in the snapshot's folder already."""
        return size_of(self._place(name)) == self.record.entry(name).size

    def bring(self, name: str) -> None:
        """Fetch one file, or wait until another process has."""
        oid, entry = self.record.md5[name], self.record.entry(name)
        with locked(self.cache.lock(oid), lambda holder: self._say_waiting(name, holder), self.stop):
            if self.is_there(name):
                self.watcher.advance(entry.size)
                return
            self._place(name).unlink(missing_ok=True)
            found = self.cache.object(oid)
            if is_whole(found, entry):
                self.watcher.advance(entry.size)
            else:
                self._download(name, oid, entry)
            link(found, self._place(name))

    def _download(self, name: str, oid: str, entry: FileEntry) -> None:
        growing = self.cache.incoming(oid)
        try:
            self.remote.get(oid, growing, self._go_on)
            self._check(growing, name, oid, entry)
            self.cache.admit(growing, oid)
        except OSError as error:
            raise _disk_trouble(error, self.cache) from error
        finally:
            with suppress(OSError):
                growing.unlink(missing_ok=True)
        self.watcher.advance(entry.size)

    def _check(self, growing: Path, name: str, oid: str, entry: FileEntry) -> None:
        place = f"{self.remote.address(oid)}, which is {name} of snapshot {self.record.digest[:12]},"
        mend = "Remove that object, then `slipway data push` where the snapshot is whole."
        if (size := size_of(growing)) != entry.size:
            raise SnapshotDamaged(f"{place} has {size} bytes, {entry.size} expected: it is truncated.", mend=mend)
        md5, sha256 = hashes(growing, self._go_on)
        if sha256 != entry.sha256:
            raise SnapshotDamaged(f"{place} has sha256 {sha256}, {entry.sha256} expected.", mend=mend)
        if md5 != oid:
            raise SnapshotDamaged(f"{place} has md5 {md5}: the record gives it another address.", mend=mend)

    def _go_on(self, _: int) -> None:
        if self.stop.is_set():
            raise Stopped("Stopped while fetching.")

    def _say_waiting(self, name: str, holder: str) -> None:
        if not self.told:
            self.told = True
            self.watcher.note(f"{name[:20]} of {self.record.digest[:12]} is being fetched by {holder}: waiting for it.")

    def _place(self, name: str) -> Path:
        return self.cache.snapshot(self.record.digest) / name


def _disk_trouble(error: OSError, cache: Cache) -> Exception:
    if not no_room(error):
        return error
    return NoRoom(
        f"There is no room in the cache {cache.folder} ({error.strerror}).",
        mend="Free space (`slipway data gc` may help) or set SLIPWAY_DATA__CACHE to a larger disk, then do the same "
        "again: what is complete is kept.",
    )
