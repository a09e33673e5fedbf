"""Fetching an object into a file, in pieces, so that a killed fetch is gone on with.

The content grows in a hidden file beside the target, named after the target and the object's version, so that what was
fetched of one version is never continued with another. Complete and checked, it is synced and replaces the target in
one step. Pieces are written in order: the length of the hidden file is how far the fetch has come.

The hidden file is locked while it is worked on. A second caller with the same wish does not wait: it fetches into a
file of its own. Left-overs of other versions are removed by the next fetch to the same target.

Limit: after a power cut the file system decides what of an unsynced hidden file is left; objects named by their digest
are checked as a whole, others are trusted to be what was written.
"""

import fcntl
import hashlib
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from slipway.platform.store.content import local_file
from slipway.platform.store.disk import sync_folder, write_all
from slipway.platform.store.errors import DigestMismatch, StoreError

PIECE = 8 * 1024 * 1024


class Source(Protocol):
    """One version of an object."""

    @property
    def version(self) -> str:
        """Differs whenever the content does."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    def read(self, start: int, length: int) -> bytes:
        """Exactly these bytes of this version, or an error."""


def fetch(
    source: Source, target: Path, *, check: Callable[[Path], None], parallel: int = 1, piece: int = PIECE
) -> None:
    """Make `target` the content of `source`; needs memory for `parallel + 1` pieces. `check` refuses by raising."""
    with local_file(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _growing_file(target, source.version) as (descriptor, growing):
            _fill(descriptor, source, parallel, piece)
            os.fsync(descriptor)
            try:
                check(growing)
            except DigestMismatch:
                growing.unlink()
                raise
            os.replace(growing, target)
        sync_folder(target.parent)
        _remove_left_overs(target)


def _fill(descriptor: int, source: Source, parallel: int, piece: int) -> None:
    done = os.fstat(descriptor).st_size
    if done > source.size:
        os.ftruncate(descriptor, 0)
        done = 0
    os.lseek(descriptor, done, os.SEEK_SET)
    for data in _pieces(source, done, parallel, piece):
        write_all(descriptor, data)


def _pieces(source: Source, start: int, parallel: int, piece: int) -> Iterator[bytes]:
    """The rest of the content in order, with some pieces being read ahead."""
    with ThreadPoolExecutor(parallel, thread_name_prefix="slipway-fetch") as pool:
        ahead: deque[Future[bytes]] = deque()
        try:
            for offset in range(start, source.size, piece):
                ahead.append(pool.submit(_exactly, source, offset, min(piece, source.size - offset)))
                if len(ahead) > parallel:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _exactly(source: Source, start: int, length: int) -> bytes:
    data = source.read(start, length)
    if len(data) != length:
        raise StoreError(
            f"Of {length} bytes from {start} on, {len(data)} came: the object was changed in place.",
            mend="Objects are replaced as a whole, never written to. Find what does, then fetch again.",
        )
    return data


@contextmanager
def _growing_file(target: Path, version: str) -> Iterator[tuple[int, Path]]:
    """The hidden file of this version, open and locked; a private one if another works on it."""
    path = target.with_name(f"{_left_over_name(target)}{_short(version)}.part")
    descriptor = _open_locked(path)
    if descriptor is None:
        path = path.with_suffix(f".{uuid.uuid4().hex[:12]}.part")
        descriptor = _open_locked(path, wait=True)
    if descriptor is None:  # a file system without locks
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor, path
    finally:
        os.close(descriptor)


def _open_locked(path: Path, *, create: bool = True, wait: bool = False) -> int | None:
    """`path` open and locked, or None if another has it.

    Between opening and locking, another may have finished and moved this very file to its target, or removed it; then
    the path leads elsewhere, and the open file must not be touched.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    while True:
        descriptor = os.open(path, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            os.close(descriptor)
            return None
        if _leads_to(path, descriptor):
            return descriptor
        os.close(descriptor)


def _leads_to(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove_left_overs(target: Path) -> None:
    for path in target.parent.glob(f"{_left_over_name(target)}*.part"):
        with suppress(OSError):
            descriptor = _open_locked(path, create=False)
            if descriptor is not None:
                path.unlink()
                os.close(descriptor)


def _left_over_name(target: Path) -> str:
    return f".slipway-{_short(target.name)}-"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
