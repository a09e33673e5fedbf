"""A script's checkpoints: whatever it leaves in its folder, under any names, carried and given back as a whole.

The folder counts as complete when no process has a file of it open for writing and it is the same at two looks, or, of
one that never stands still, while it is packed. What a killed process changed last may be torn and is left behind: the
one before stays. Names that begin with `.` or end in `.tmp` are still being written and never count.
"""

import errno
import os
import stat
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

RESTLESS: Final = 10
"""Looks after which a folder that never stands still is carried as it is."""

Marks = Mapping[str, tuple[int, int, int]]
"""Of each file by its path: what changes when it is written or replaced."""


class Folder:
    """One folder, looked at again and again while its script runs, which is `pid` or below."""

    def __init__(self, path: Path, pid: int) -> None:
        self._path, self._pid = path, pid
        self._carried = self._seen = marks(path)
        self._packed: Marks = {}
        self._looks = 0

    def pack(self, target: Path, *, last: bool, killed: bool) -> bool:
        """Pack what is new and complete; whether there was any. `last`: nothing runs any more."""
        now = marks(self._path)
        if not now or now == self._carried or not (self._may_at_the_end(now, killed) if last else self._may(now)):
            return False
        if not _packed(self._path, now, target):
            return False
        self._packed = now
        return True

    def carried(self) -> None:
        """What was packed last is in the store."""
        self._carried, self._looks = self._packed, 0

    def _may(self, now: Marks) -> bool:
        if written(self._path, self._pid):
            return False
        same, self._seen = now == self._seen, now
        self._looks += 1
        return same or self._looks >= RESTLESS

    def _may_at_the_end(self, now: Marks, killed: bool) -> bool:  # noqa: FBT001 - private
        return not killed or now == self._seen


def given_back(packed: Path, folder: Path) -> Path | None:
    """Unpack into the folder; the file or folder in it that was written last."""
    with tarfile.open(packed) as tar:
        tar.extractall(folder, filter="data")
    packed.unlink()
    newest: dict[str, int] = {}
    for name, (_, _, changed) in marks(folder).items():
        entry = name.partition("/")[0]
        newest[entry] = max(changed, newest.get(entry, 0))
    return folder / max(newest, key=lambda name: (newest[name], name)) if newest else None


def marks(folder: Path) -> Marks:
    """Everything in it that counts; links only where they stay inside."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        with suppress(FileNotFoundError):
            told = path.lstat()
            if _counts(name) and (stat.S_ISREG(told.st_mode) or _is_inner_link(path, folder)):
                found[name.as_posix()] = (told.st_ino, told.st_size, told.st_mtime_ns)
    return found


def written(folder: Path, pid: int) -> bool:
    """Whether a process has a file of it open for writing; of one that has ended nobody knows what it had."""
    import psutil

    inside = f"{folder.resolve()}{os.sep}"
    try:
        root = psutil.Process(pid)
        if any(_writes(one.mode, one.path, inside) for one in root.open_files()):
            return True
        for process in root.children(recursive=True):
            with suppress(psutil.Error):
                if any(_writes(one.mode, one.path, inside) for one in process.open_files()):
                    return True
        return root.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _writes(mode: str, path: str, inside: str) -> bool:
    return mode != "r" and path.startswith(inside) and _counts(Path(path.removeprefix(inside)))


def _counts(name: Path) -> bool:
    return not any(part.startswith(".") or part.endswith(".tmp") for part in name.parts)


def _is_inner_link(path: Path, folder: Path) -> bool:
    if not path.is_symlink():
        return False
    return not path.readlink().is_absolute() and path.resolve().is_relative_to(folder.resolve())


def _packed(folder: Path, names: Marks, target: Path) -> bool:
    """Whether it is whole: nothing was changed meanwhile."""
    target.parent.mkdir(exist_ok=True)
    try:
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in names:
                tar.add(folder / name, name, recursive=False)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        return False
    return marks(folder) == names
