"""A store in a directory: one file for each object, at the path that its key says.

Order of a write: a temporary file in the store's hidden folder, its content synced; the folders of the key; then one
step that makes it visible, `os.replace` for `put` and `os.link` for `put_if_absent`; then a sync of the folder. A kill
between any two steps leaves the old object or the new one and perhaps a temporary, which a later writer removes after a
day. Exclusive creation at the final path is never used: a kill after it would leave an empty winner.

The store's clock is its file system's. `age` touches a file in the hidden folder and compares the two dates, so that on
NFS the server's clock counts and not this machine's; it needs write permission therefore.

Limits: the file system must know hard links. Links inside the directory are not followed by `list`. Folders stay when
their last object is deleted.
"""

import errno
import itertools
import os
import stat
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from slipway.platform.store import content, disk
from slipway.platform.store.download import fetch
from slipway.platform.store.errors import SETTING, BucketMissing, ObjectMissing, StoreError, StoreUnfit
from slipway.platform.store.hidden import GRACE, HiddenFolder
from slipway.platform.store.keys import broken_rule, check_key, check_prefix
from slipway.platform.store.pausing import Pause, pause

T = TypeVar("T")
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK})


class DirectoryStore:
    """Objects as files below one directory, which is made by the first write."""

    def __init__(
        self,
        root: Path,
        *,
        attempts: int = 5,
        grace: timedelta = GRACE,
        unique: Callable[[], str] = lambda: uuid.uuid4().hex,
        pause: Pause = pause,
    ) -> None:
        self._root = root
        self._attempts = attempts
        self._pause = pause
        self._durable: set[Path] = set()
        self._hidden = HiddenFolder(root, self._durable, grace=grace, unique=unique)

    @property
    def url(self) -> str:
        return str(self._root)

    def get(self, key: str) -> bytes:
        data = self._with_open(key, _read_to_end)
        content.check_incoming(key, data, self.url)
        return data

    def open_range(self, key: str, start: int, length: int) -> bytes:
        content.check_range(key, start, length)
        return self._with_open(key, lambda descriptor: _read_range(descriptor, start, length))

    def size(self, key: str) -> int:
        return self._with_open(key, os.fstat).st_size

    def age(self, key: str) -> timedelta:
        written = self._with_open(key, os.fstat).st_mtime_ns
        with disk.explained(self.url, key):
            now = self._hidden.clock_ns()
        return timedelta(microseconds=max(0, now - written) // 1000)

    def put(self, key: str, data: bytes) -> None:
        check_key(key)
        content.check_outgoing(key, data)
        self._write(key, lambda: self._replace(key, [data]))

    def put_file(self, key: str, path: Path) -> None:
        check_key(key)
        self._write(key, lambda: self._replace(key, content.checked_chunks(key, content.file_chunks(path), path)))

    def put_if_absent(self, key: str, data: bytes) -> bytes:
        check_key(key)
        content.check_outgoing(key, data)
        held = self._write(key, lambda: self._link_or_read(key, data))
        content.check_incoming(key, held, self.url)
        return held

    def get_file(self, key: str, path: Path) -> None:
        def copy(descriptor: int) -> None:
            fetch(
                _OpenFile(descriptor, key, self.url),
                path,
                check=lambda fetched: content.check_incoming_file(key, fetched, self.url),
            )

        self._with_open(key, copy)

    def list(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        return self._walk(prefix.rpartition("/")[0], prefix)

    def delete(self, key: str) -> None:
        check_key(key)
        path = self._path(key)
        with disk.explained(self.url, key), suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            os.unlink(path)
            disk.sync_folder(path.parent)

    def _path(self, key: str) -> Path:
        return self._root / key

    def _with_open(self, key: str, use: Callable[[int], T]) -> T:
        """Use the object's open file: one state of it, whatever replaces it meanwhile.

        Opening also makes a network file system ask its server for fresh dates, which a mere `stat` does not.
        """
        check_key(key)

        def attempt() -> T:
            try:
                descriptor = os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise self._not_a_directory() or ObjectMissing.named(key, self.url) from error
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise ObjectMissing.named(key, self.url)
                return use(descriptor)
            finally:
                os.close(descriptor)

        return self._patiently(key, attempt)

    def _write(self, key: str, operation: Callable[[], T]) -> T:
        def attempt() -> T:
            try:
                return operation()
            except FileNotFoundError:  # somebody removed a folder that this process remembers
                self._durable.clear()
                return operation()

        return self._patiently(key, attempt)

    def _patiently(self, key: str, operation: Callable[[], T]) -> T:
        """Do it, again after a passing error; tell other errors to a person."""
        for attempt in itertools.count(1):
            try:
                return operation()
            except OSError as error:
                if error.errno not in disk.PASSING or attempt >= self._attempts:
                    raise self._not_a_directory() or disk.explain(error, self.url, key) from error
            self._pause(attempt)
        raise AssertionError("unreachable")

    def _not_a_directory(self) -> BucketMissing | None:
        """The finding, if the store's own path cannot be a directory."""
        # os.path.exists says no where one may not look; Path.exists would raise
        nearest = next(path for path in (self._root, *self._root.parents) if os.path.exists(path))
        if nearest.is_dir():
            return None
        return BucketMissing(
            f"The store cannot be at {self.url}: {nearest} is a file, not a directory.", mend=f"Correct {SETTING}."
        )

    def _replace(self, key: str, chunks: Iterable[bytes]) -> None:
        with self._hidden.temporary(chunks) as temporary:
            self._make_visible(os.replace, temporary, self._path(key))

    def _link_or_read(self, key: str, data: bytes) -> bytes:
        """The bytes of whoever was first.

        The folder is synced also by those who come later: the winner may have been killed before it did so.
        """
        path = self._path(key)
        for _ in range(self._attempts):
            held = _read_if_there(path)
            if held is None and self._link(data, path):
                return data
            if held is not None:
                disk.sync_folder(path.parent)
                return held
        raise StoreError(f"`{key}` in {self.url} is made and deleted again and again.", mend="Stop what deletes it.")

    def _link(self, data: bytes, path: Path) -> bool:
        with self._hidden.temporary([data]) as temporary:
            try:
                self._make_visible(os.link, temporary, path)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno in _NO_LINKS:
                    raise self._without_links(error) from error
                raise
        return True

    def _without_links(self, error: OSError) -> StoreUnfit:
        return StoreUnfit(
            f"The file system of {self.url} cannot link files ({error.strerror}), so records cannot be bound once.",
            mend=f"Put the store on a file system with hard links, such as ext4, xfs or NFS: {SETTING}.",
        )

    def _make_visible(self, step: Callable[[Path, Path], None], temporary: Path, path: Path) -> None:
        """The one step after which others see the object, and its folder synced."""
        disk.make_folder(path.parent, self._root, self._durable)
        step(temporary, path)
        disk.sync_folder(path.parent)

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        """Keys below `folder` in the order of their bytes, in which a folder's name sorts as if it ended in `/`."""
        try:
            with os.scandir(self._root / folder) as entries:
                found = sorted(filter(None, map(_name_in_order, entries)))
        except (FileNotFoundError, NotADirectoryError) as error:
            finding = self._not_a_directory()
            if finding is not None:
                raise finding from error
            return
        except OSError as error:
            raise disk.explain(error, self.url, folder or "/") from error
        for name in found:
            key = f"{folder}/{name}" if folder else name
            if not key.startswith(prefix) or name.startswith("."):
                continue
            if name.endswith("/"):
                yield from self._walk(key.removesuffix("/"), prefix)
            elif broken_rule(key) is None:
                yield key


class _OpenFile:
    """One state of an object, for `fetch`."""

    def __init__(self, descriptor: int, key: str, url: str) -> None:
        status = os.fstat(descriptor)
        self.size = status.st_size
        self.version = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
        self._descriptor, self._key, self._url = descriptor, key, url

    def read(self, start: int, length: int) -> bytes:
        with disk.explained(self._url, self._key):
            return _read_range(self._descriptor, start, length)


def _name_in_order(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return f"{entry.name}/"
    return entry.name if entry.is_file(follow_symlinks=False) else ""


def _read_if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read_range(descriptor: int, start: int, length: int) -> bytes:
    pieces = []
    left = min(length, os.fstat(descriptor).st_size - start)
    while left > 0 and (piece := os.pread(descriptor, left, start)):
        pieces.append(piece)
        start, left = start + len(piece), left - len(piece)
    return b"".join(pieces)


def _read_to_end(descriptor: int) -> bytes:
    return b"".join(content.descriptor_chunks(descriptor))
