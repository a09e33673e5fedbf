"""The folder in which a snapshot is put together, and the step by which it takes its place.

One writer at a time for each target: it holds a lock until it has finished, so that two cannot lose each other's
images, and so that what lies beside the target while nobody holds the lock was left by a killed writer and goes. The
last step exchanges two folders' names at once where the system can (Linux), so that a reader finds the earlier snapshot
or the new one; elsewhere it takes two renames, and `recover` mends a kill between them.
"""

import ctypes
import errno
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from slipway.platform.data.errors import DataError, SnapshotBusy
from slipway.platform.data.locking import locked
from slipway.platform.data.manifest import NAME

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
AT_FDCWD: Final = -100
RENAME_EXCHANGE: Final = 2
NEW: Final = "new-"
PREVIOUS: Final = "previous"


class Staging:
    """A new folder beside `target`, locked against other writers until it is closed."""

    def __init__(self, target: Path) -> None:
        self.target = target
        with ExitStack() as held:
            held.enter_context(locked(_beside(target, "lock"), partial(_refuse_second, target), threading.Event()))
            recover(target)
            _refuse_other_folders(target)
            _clear_leftovers(target)
            self.folder = _beside(target, f"{NEW}{uuid.uuid4().hex}")
            self.folder.mkdir()
            self._held = held.pop_all()

    def finish(self) -> None:
        """Let the folder take the target's name."""
        put_in_place(self.folder, self.target)

    def close(self) -> None:
        """Remove what did not take the target's name, and let others write."""
        if self.folder.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        self._held.close()


def put_in_place(staging: Path, target: Path, *, durable: bool = True) -> None:
    """Let a complete folder take the target's name; what had it before is removed.

    Durable: also a power cut afterwards loses nothing. What can be made again may do without, as that takes long.
    """
    for path in (*staging.rglob("*"), staging) if durable else ():
        _sync(path)
    if not target.exists():
        staging.rename(target)
        _sync(target.parent)
        return
    if not _exchange(staging, target):
        previous = _beside(target, PREVIOUS)
        shutil.rmtree(previous, ignore_errors=True)
        target.rename(previous)
        staging.rename(target)
        staging = previous
    _sync(target.parent)
    shutil.rmtree(staging, ignore_errors=True)


def recover(target: Path) -> None:
    """After a kill between two renames: give the earlier snapshot its name back."""
    previous = _beside(target, PREVIOUS)
    if previous.exists() and not target.exists():
        previous.rename(target)


def link_or_copy(source: Path, target: Path) -> None:
    """The same file at another place, without its bytes twice where the file system can."""
    try:
        os.link(source.resolve(), target)
    except OSError as error:
        if error.errno in FULL:
            raise
        shutil.copyfile(source, target)


@contextmanager
def explained(target: Path) -> Iterator[None]:
    """Tell a full disk as what it is; the earlier snapshot is untouched."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DataError(
            f"There is no room to write {target} ({error.strerror}). Nothing was changed.",
            mend=f"Free space on the disk of {target.parent}, or write to another folder.",
        ) from error


def _refuse_second(target: Path, holder: str) -> NoReturn:
    raise SnapshotBusy(f"Another writer ({holder}) is at work on {target}.", mend="Try again when it has finished.")


def _beside(target: Path, suffix: str) -> Path:
    return target.parent / f".{target.name}.{suffix}"


def _refuse_other_folders(target: Path) -> None:
    """A folder that holds something else than a snapshot is not ours to replace."""
    if target.is_dir() and (not any(target.iterdir()) or (target / NAME).is_file()):
        return
    if target.exists():
        raise DataError(
            f"{target} is there and holds no snapshot: {NAME} is missing.", mend="Name a folder that is new or empty."
        )


def _clear_leftovers(target: Path) -> None:
    """What killed writers left; the lock says that no writer is alive."""
    for path in target.parent.iterdir():
        if path.name.startswith(_beside(target, NEW).name) or path == _beside(target, PREVIOUS):
            shutil.rmtree(path, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders' names in one step, if the system and the file system can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) == 0)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
