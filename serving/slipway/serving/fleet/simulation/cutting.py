"""A device's disk whose power is cut: the real adapter over real files, which ends at any of its system calls.

Every call that changes something is a moment. A cut at a write leaves any number of its bytes; a cut elsewhere falls
before the call or after it. What was not synced by then is there or is not: its data, its names, both, or neither.
After a cut the disk does nothing any more, as nobody is there to ask it.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from slipway.serving.edge.agent.disk import RealDisk

ROOM = 1 << 30


class PowerCut(BaseException):
    """Nothing runs any more."""


class Unsynced(Enum):
    """What becomes of what was not synced."""

    KEPT = "kept"
    LOST = "lost"
    DATA_LOST = "data lost"
    NAMES_LOST = "names lost"


@dataclass(frozen=True)
class Moment:
    """A system call that changes something."""

    call: str
    name: str
    size: int = 1
    """Bytes of a write; other calls happen or do not."""

    def counts(self, *, every: bool = False) -> list[int]:
        """How much of it may have happened."""
        if every:
            return list(range(self.size + 1))
        return sorted({0, min(1, self.size), self.size // 2, max(0, self.size - 1), self.size})


@dataclass(frozen=True)
class Cut:
    """At a moment, after so much of it."""

    moment: int
    count: int
    unsynced: Unsynced = Unsynced.KEPT


@dataclass(frozen=True)
class Full:
    """From this moment on no byte more fits, for so many writes; those before fit."""

    moment: int
    writes: int = 1


@dataclass
class _Change:
    """Something that was not synced, and how it is undone."""

    keys: set[object]
    """What has to be synced until it lasts: an inode, or names of folders."""
    undo: Callable[[], None]
    data: bool = False
    close: Callable[[], None] = lambda: None


class CuttingDisk(RealDisk):
    """The files below one folder, until the cut."""

    def __init__(self, folder: Path, cut: Cut | None = None, *, full: Full | None = None, room: int = ROOM) -> None:
        super().__init__(folder, reserve=0)
        self.moments: list[Moment] = []
        self.room = room
        self._cut, self._full, self.dead = cut, full, False
        self._changes: list[_Change] = []
        self._shadow = Path(tempfile.mkdtemp(prefix="shadow-", dir=folder.parent))
        self._lasting = {str(path.relative_to(folder)) for path in folder.rglob("*")}

    def free(self) -> int:
        return self.room

    def done(self) -> None:
        """Forget what only a cut would need."""
        for change in self._changes:
            change.close()
        self._changes.clear()
        shutil.rmtree(self._shadow, ignore_errors=True)

    # The calls

    def _write(self, file: int, name: str, data: bytes, at: int) -> None:
        count = self._begin("write", name, len(data))
        full = self._full
        if full is not None and full.moment <= len(self.moments) - 1:
            self._full = Full(0, full.writes - 1) if full.writes > 1 else None
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        self._remember_data(file)
        super()._write(file, name, data if count is None else data[:count], at)
        self._end(count)

    def _truncate(self, file: int, name: str, size: int) -> None:
        if name not in self._lasting:
            self._change({_folder(name)}, lambda: self._unlink_quietly(name))
            self._lasting.add(name)
        if os.fstat(file).st_size == size:
            return
        count = self._begin("truncate", name)
        if count != 0:
            self._remember_data(file)
            super()._truncate(file, name, size)
        self._end(count)

    def _sync(self, file: int, name: str) -> None:
        count = self._begin("sync", name)
        if count != 0:
            self._synced(os.fstat(file).st_ino)
        self._end(count)

    def _sync_folder(self, _folder: int, name: str) -> None:
        count = self._begin("sync folder", name)
        if count != 0:
            self._synced(name)
        self._end(count)

    def _make_folder(self, name: str, folder: int, last: str) -> None:
        count = self._begin("make folder", name)
        if count != 0:
            super()._make_folder(name, folder, last)
            self._change({_folder(name)}, lambda: shutil.rmtree(self.path(name), ignore_errors=True))
        self._end(count)

    def _rename(self, old: str, new: str, source: tuple[int, str], target: tuple[int, str]) -> None:
        count = self._begin("rename", new)
        if count != 0:
            shadow = self._shadowed(new)
            super()._rename(old, new, source, target)
            self._lasting.add(new)

            def undo() -> None:
                if self.path(new).exists():
                    self.path(new).rename(self.path(old))
                self._restore(shadow, new)

            self._change({_folder(old), _folder(new)}, undo)
        self._end(count)

    def _link(self, old: str, new: str, source: tuple[int, str], target: tuple[int, str]) -> None:
        count = self._begin("link", new)
        if count != 0:
            super()._link(old, new, source, target)
            self._change({_folder(new)}, lambda: self._unlink_quietly(new))
        self._end(count)

    def _unlink(self, name: str, folder: int, last: str) -> None:
        count = self._begin("unlink", name)
        if count != 0:
            shadow = self._shadowed(name)
            super()._unlink(name, folder, last)
            self._lasting.discard(name)
            self._change({_folder(name)}, lambda: self._restore(shadow, name))
        self._end(count)

    def _remove_folder(self, name: str, folder: int, last: str) -> None:
        count = self._begin("remove folder", name)
        if count != 0:
            super()._remove_folder(name, folder, last)
            for change in self._changes:  # what happened in it lasts as its own end does
                if name in change.keys:
                    change.keys.remove(name)
                    change.keys.add(_folder(name))
            self._change({_folder(name)}, lambda: self.path(name).mkdir(0o700, parents=True, exist_ok=True))
        self._end(count)

    # The cut

    def _begin(self, call: str, name: str, size: int = 1) -> int | None:
        """How much of this call happens before the power is gone; None is all, and it stays on."""
        if self.dead:
            raise PowerCut
        self.moments.append(Moment(call, name, size))
        if self._cut is None or len(self.moments) - 1 != self._cut.moment:
            return None
        return self._cut.count

    def _end(self, count: int | None) -> None:
        if count is None or self._cut is None:
            return
        self.dead = True
        kinds = {Unsynced.KEPT: (), Unsynced.LOST: (True, False), Unsynced.DATA_LOST: (True,)}
        lost = kinds.get(self._cut.unsynced, (False,))
        for change in reversed(self._changes):
            if change.data in lost:
                change.undo()
        self.done()
        raise PowerCut

    def _change(self, keys: set[object], undo: Callable[[], None]) -> None:
        self._changes.append(_Change(keys, undo))

    def _synced(self, key: object) -> None:
        for change in self._changes:
            change.keys.discard(key)
            if not change.keys:
                change.close()
        self._changes = [one for one in self._changes if one.keys]

    def _remember_data(self, file: int) -> None:
        """What the file holds now, to be put back through a handle of its own, whatever becomes of its name."""
        about = os.fstat(file)
        handle = os.open(f"/proc/self/fd/{file}", os.O_RDWR)
        held = os.pread(handle, about.st_size, 0)
        keep_size = self._cut is not None and self._cut.unsynced is Unsynced.DATA_LOST
        change = _Change(
            {about.st_ino}, lambda: _fill(handle, held, keep_size=keep_size), data=True, close=lambda: os.close(handle)
        )
        self._changes.append(change)

    def _shadowed(self, name: str) -> Path | None:
        """A second name of what stands there, for when it comes back."""
        path = self.path(name)
        if not path.exists():
            return None
        shadow = self._shadow / f"name-{len(self.moments)}"
        os.link(path, shadow)
        return shadow

    def _restore(self, shadow: Path | None, name: str) -> None:
        if shadow is not None:
            self.path(name).parent.mkdir(0o700, parents=True, exist_ok=True)
            self._unlink_quietly(name)
            os.link(shadow, self.path(name))

    def _unlink_quietly(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)


def _fill(handle: int, data: bytes, *, keep_size: bool) -> None:
    """Put back what a file held; the size may last where the content does not, and zeros are read then."""
    size = os.fstat(handle).st_size
    os.ftruncate(handle, 0)
    os.pwrite(handle, data, 0)
    if keep_size:
        os.ftruncate(handle, max(size, len(data)))


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
