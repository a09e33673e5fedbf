"""Durable steps on a file system, and what its errors mean.

Each function is one step that either happened or did not, whatever kills the process; the order of the steps is the
directory store's. All calls go through the `os` module by name.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from slipway.platform.errors import SlipwayError
from slipway.platform.store.errors import (
    SETTING,
    BadKey,
    StoreDenied,
    StoreError,
    StoreFull,
    StoreUnreachable,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_COLLISION = frozenset({errno.ENOTDIR, errno.EISDIR, errno.EEXIST})
_AWAY = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.ENXIO})
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
PASSING = frozenset({errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN})
"""What a network file system answers now and not a moment later, such as after another client replaced the file."""


def write_durably(path: Path, chunks: Iterable[bytes]) -> None:
    """A new file with this content, on disk and dated by the file system's clock."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        for chunk in chunks:
            write_all(descriptor, chunk)
        os.utime(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; the kernel may take it in parts."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; file systems that do this by themselves may refuse to be asked."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def make_root(root: Path) -> None:
    """Make a store's own folder, and those above it, if they are not there; existing ones are left to their owner."""
    if root.is_dir():
        return
    make_root(root.parent)
    with suppress(FileExistsError):
        os.mkdir(root)
    with suppress(PermissionError):
        sync_folder(root.parent)


def make_folder(folder: Path, root: Path, durable: set[Path]) -> None:
    """Make `folder` inside `root`, durably.

    A folder that is there may have been made by a writer that was killed before it synced the folder's name; so each
    one is synced the first time that it is met, and remembered in `durable`.
    """
    if folder == root:
        make_root(root)
        return
    if folder in durable:
        return
    make_folder(folder.parent, root, durable)
    with suppress(FileExistsError):
        os.mkdir(folder)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    sync_folder(folder.parent)
    durable.add(folder)


def clock_ns(folder: Path, name: str) -> int:
    """What time it is by the clock of the file system that holds `folder`: the date it gives to a file touched now."""
    probe = folder / name
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.utime(descriptor)
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)
        with suppress(OSError):
            os.unlink(probe)


@contextmanager
def explained(url: str, key: str) -> Iterator[None]:
    """Turn the system's errors inside into the store's."""
    try:
        yield
    except OSError as error:
        raise explain(error, url, key) from error


def explain(error: OSError, url: str, key: str) -> SlipwayError:
    """What a system error means for `key` in the store at `url`."""
    reason = f"({error.strerror})"
    if error.errno in _FULL:
        return StoreFull(
            f"There is no room for `{key}` in the store {url} {reason}.",
            mend=f"Free space or raise the quota, or set another store with {SETTING}. Nothing half-done is left.",
        )
    if error.errno in _DENIED:
        return StoreDenied(
            f"The store {url} does not let this user at `{key}` {reason}.",
            mend=f"Give user {os.geteuid()} read and write permission on {url}, or name another store with {SETTING}.",
        )
    if error.errno in _COLLISION:
        return BadKey(
            f"`{key}` cannot be an object in {url}: one of its segments is already used the other way {reason}.",
            mend="In a directory a name is an object or has objects below it, not both. Choose another key.",
        )
    if error.errno in _AWAY:
        return StoreUnreachable(
            f"The file system of the store {url} does not answer for `{key}` {reason}.",
            mend=f"Check that it is mounted and its server is up, or name another store with {SETTING}.",
        )
    return StoreError(f"The store {url} failed on `{key}` {reason}.", mend=f"Check {url} and {SETTING}.")
