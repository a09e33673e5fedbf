"""A device's files on its real disk, in an order of system calls that a power cut at any moment cannot harm.

Files are 0600 and folders 0700. Every path is taken step by step below one folder and no link is followed, so nothing
that lies there leads out of it. What a method has returned from was synced: the file first, then the folder that names
it. The calls that change something are methods of their own, so that tests can cut the power before and after each.
"""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

RESERVE: Final = 64 * 1024 * 1024
"""Bytes that fetching leaves free: journals, logs and the rest of the system go on where a release does not fit."""
LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a file that is read whole."""
PIECE: Final = 1024 * 1024
_PART: Final = re.compile(r"[A-Za-z0-9.][A-Za-z0-9._-]{0,254}")
_NO_LINKS: Final = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class RealDisk:
    """The files below one folder, which is there."""

    def __init__(self, folder: Path, *, reserve: int = RESERVE) -> None:
        self._root, self._reserve = folder, reserve

    def path(self, name: str) -> Path:
        return self._root.joinpath(*_parts(name))

    def read(self, name: str, largest: int = LARGEST) -> bytes | None:
        with suppress(FileNotFoundError), self._folder_of(name) as (folder, last), _opened(folder, last, _READ) as file:
            if os.fstat(file).st_size > largest:
                raise OSError(errno.EFBIG, f"more than {largest:,} bytes", name)
            return b"".join(_pieces(file))
        return None

    def pieces(self, name: str) -> Iterator[bytes]:
        with suppress(FileNotFoundError), self._folder_of(name) as (folder, last), _opened(folder, last, _READ) as file:
            yield from _pieces(file)

    def replace(self, name: str, data: bytes) -> None:
        coming = _coming(name)
        try:
            with self._folder_of(name, make=True) as (folder, last), _opened(folder, _last(coming), _WRITE) as file:
                self._truncate(file, coming, 0)
                self._write(file, coming, data, 0)
                self._sync(file, coming)
                self._rename(coming, name, (folder, _last(coming)), (folder, last))
                self._sync_folder(folder, _folder(name))
        except OSError:
            with suppress(OSError):
                self.remove(coming)
            raise

    def write_from(self, name: str, start: int, pieces: Iterable[bytes]) -> int:
        size = start
        with self._folder_of(name, make=True) as (folder, last):
            new = self._size(folder, last) is None
            with _opened(folder, last, _WRITE) as file:
                if os.fstat(file).st_nlink > 1:
                    raise OSError(errno.EMLINK, "has a second name, whose content would change as well", name)
                self._truncate(file, name, start)
                try:
                    for piece in pieces:
                        self._write(file, name, piece, size)
                        size += len(piece)
                finally:
                    self._sync(file, name)
            if new:
                self._sync_folder(folder, _folder(name))
        return size

    def link(self, old: str, new: str) -> None:
        with self._folder_of(old) as (source, first), self._folder_of(new, make=True) as (folder, last):
            if self._size(folder, last) is not None:
                self._unlink(new, folder, last)
            try:
                self._link(old, new, (source, first), (folder, last))
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
            else:
                self._sync_folder(folder, _folder(new))
                return
        self._copy(old, new)

    def rename(self, old: str, new: str) -> None:
        with self._folder_of(old) as (source, first), self._folder_of(new, make=True) as (folder, last):
            self._rename(old, new, (source, first), (folder, last))
            self._sync_folder(folder, _folder(new))
            if _folder(old) != _folder(new):
                self._sync_folder(source, _folder(old))

    def size(self, name: str) -> int | None:
        with suppress(FileNotFoundError), self._folder_of(name) as (folder, last):
            return self._size(folder, last)
        return None

    def list(self, folder: str) -> Sequence[str]:
        with suppress(FileNotFoundError), self._folder_of(f"{folder}/.") as (handle, _):
            return _names(handle)
        return []

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError), self._folder_of(name) as (folder, last):
            self._remove(name, folder, last)
            self._sync_folder(folder, _folder(name))

    def free(self) -> int:
        found = os.statvfs(self._root)
        return max(0, found.f_bavail * found.f_frsize - self._reserve)

    @contextmanager
    def _folder_of(self, name: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder that a name stands in, opened without following a link, and the name's last part."""
        *folders, last = _parts(name)
        handle, so_far = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW), ""
        try:
            for part in folders:
                below = f"{so_far}/{part}".lstrip("/")
                if make and self._size(handle, part) is None:
                    self._make_folder(below, handle, part)
                    self._sync_folder(handle, so_far)
                inner = os.open(part, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle, so_far = inner, below
            yield handle, last
        finally:
            os.close(handle)

    def _size(self, folder: int, last: str) -> int | None:
        try:
            return os.stat(last, dir_fd=folder, follow_symlinks=False).st_size
        except FileNotFoundError:
            return None

    def _remove(self, name: str, folder: int, last: str) -> None:
        if not stat.S_ISDIR(os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode):
            self._unlink(name, folder, last)
            return
        inner = os.open(last, _FOLDER, dir_fd=folder)
        try:
            for found in _names(inner):
                self._remove(f"{name}/{found}", inner, found)
        finally:
            os.close(inner)
        self._remove_folder(name, folder, last)

    def _copy(self, old: str, new: str) -> None:
        """A second file of the same content, whole or not there."""
        coming = _coming(new)
        try:
            with self._folder_of(old) as (folder, last), _opened(folder, last, _READ) as file:
                self.remove(coming)
                self.write_from(coming, 0, _pieces(file))
            self.rename(coming, new)
        except OSError:
            with suppress(OSError):
                self.remove(coming)
            raise

    # What changes something, one system call each.

    def _write(self, file: int, _name: str, data: bytes, at: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(file, view, at)
            view, at = view[written:], at + written

    def _truncate(self, file: int, _name: str, size: int) -> None:
        os.ftruncate(file, size)

    def _sync(self, file: int, _name: str) -> None:
        os.fsync(file)

    def _sync_folder(self, folder: int, _name: str) -> None:
        os.fsync(folder)

    def _make_folder(self, _name: str, folder: int, last: str) -> None:
        with suppress(FileExistsError):
            os.mkdir(last, 0o700, dir_fd=folder)

    def _rename(self, _old: str, _new: str, source: tuple[int, str], target: tuple[int, str]) -> None:
        os.rename(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])

    def _link(self, _old: str, _new: str, source: tuple[int, str], target: tuple[int, str]) -> None:
        os.link(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0], follow_symlinks=False)

    def _unlink(self, _name: str, folder: int, last: str) -> None:
        os.unlink(last, dir_fd=folder)

    def _remove_folder(self, _name: str, folder: int, last: str) -> None:
        os.rmdir(last, dir_fd=folder)


def _parts(name: str) -> list[str]:
    """The steps of a path; what leads out of the folder is refused."""
    parts = name.split("/")
    if parts[-1] == "." and len(parts) > 1:
        return [*_parts("/".join(parts[:-1])), "."]
    if not all(_PART.fullmatch(part) and set(part) != {"."} for part in parts):
        raise OSError(errno.EINVAL, "is no path below the device's folder", name)
    return parts


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(one.name for one in entries)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _coming(name: str) -> str:
    """Where a new content is written before it takes the name."""
    folder, _, last = name.rpartition("/")
    return f"{folder}/.{last}.coming".lstrip("/")


@contextmanager
def _opened(folder: int, last: str, flags: int) -> Iterator[int]:
    """A plain file, looked at after it was opened; a new one is for its owner alone."""
    file = os.open(last, flags, 0o600, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "is no plain file", last)
        yield file
    finally:
        os.close(file)


def _pieces(file: int) -> Iterator[bytes]:
    while piece := os.read(file, PIECE):
        yield piece
