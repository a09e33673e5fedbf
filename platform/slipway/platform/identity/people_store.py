"""The people file on disk: changed by one process at a time, and read whole.

Two commands that change it at once both take effect: each locks the file, reads it again and replaces it. A reader, or
a process that dies in between, sees the old file or the new one.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path

from slipway.platform.identity.people import People
from slipway.platform.identity.people_file import load_people, parse_people
from slipway.platform.identity.people_text import rewritten

Change = Callable[[People], People]

NEW_FILE_MODE = 0o644


class PeopleStore:
    """A people file that can be changed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def people(self) -> People:
        """Everyone in it; nobody where the file does not exist."""
        return load_people(self.path)

    def preview(self, change: Change) -> str:
        """What `change` would do to the file, as a diff; empty if nothing."""
        now, then = self._changed(self.path.read_bytes() if self.path.exists() else b"", change)
        return "".join(
            unified_diff(
                now.splitlines(keepends=True),
                then.splitlines(keepends=True),
                f"{self.path} (now)",
                f"{self.path} (then)",
            )
        )

    def update(self, change: Change) -> bool:
        """Apply `change`; whether that made a difference. A change that is refused leaves the file as it was."""
        if not self.preview(change):
            return False
        # A people file may be a link into another checkout: the link stays, its target changes.
        path = self.path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as file:
            now, then = self._changed(path.read_bytes(), change)
            if then != now:
                _replace(path, then.encode(), os.fstat(file).st_mode & 0o777)
        return then != now

    def _changed(self, data: bytes, change: Change) -> tuple[str, str]:
        """The file's text, and what it becomes."""
        people = parse_people(data, str(self.path))
        text = data.decode()
        return text, rewritten(text, change(people))


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, made if need be and locked; its name still stands for it once the lock is held."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, NEW_FILE_MODE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _same_file(file, path):
                yield file
                return
        finally:
            os.close(file)


def _same_file(file: int, path: Path) -> bool:
    """Whether nobody has replaced the file while we waited for its lock."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _replace(path: Path, data: bytes, mode: int) -> None:
    """Put a whole file in the place of another. Only the lock's holder does; what a killed one left is overwritten."""
    new = path.with_name(f".{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(data)
        file.flush()
        os.fsync(handle)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
