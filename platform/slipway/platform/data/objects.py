"""The cache: DVC's object database, in a folder that all processes of this machine share.

```
files/md5/<2>/<30>             objects, read-only; plain DVC reads and writes the same
snapshots/<digest>/...         fetched snapshots: hard links to objects whose sha256 was found right
locks/  incoming/              one file for each object that is being fetched
```
An object appears under its name only when it is complete. Work trees get copies (reflinks where the file system has
them), never links: an edit there cannot reach the cache.
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from slipway.platform.data.manifest import FileEntry

READ_ONLY = 0o444
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Cache:
    """The folder, and what is where in it."""

    folder: Path

    @property
    def objects(self) -> Path:
        """DVC's part."""
        return self.folder / "files" / "md5"

    @property
    def snapshots(self) -> Path:
        """The fetched snapshots."""
        return self.folder / "snapshots"

    @property
    def halfway(self) -> Path:
        """Where things grow."""
        return self.folder / "incoming"

    def object(self, oid: str) -> Path:
        """The file of an object."""
        return self.objects / oid[:2] / oid[2:]

    def snapshot(self, digest: str) -> Path:
        """The folder of a fetched snapshot."""
        return self.snapshots / digest

    def lock(self, oid: str) -> Path:
        """The lock of an object."""
        return self.folder / "locks" / oid

    def incoming(self, oid: str) -> Path:
        """Where an object grows, whoever holds its lock."""
        path = self.halfway / oid
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def scratch(self) -> Path:
        """A name for something that no other process knows."""
        return self.incoming(uuid.uuid4().hex)

    def has(self, oid: str, size: int) -> bool:
        """Whether an object is there with this size."""
        return size_of(self.object(oid)) == size

    def admit(self, complete: Path, oid: str) -> Path:
        """Let a complete and checked file become an object."""
        target = self.object(oid)
        target.parent.mkdir(parents=True, exist_ok=True)
        complete.chmod(READ_ONLY)
        complete.replace(target)
        return target

    def add_file(self, source: Path, oid: str) -> None:
        """Copy a file whose md5 is known, unless its object is there."""
        if self.has(oid, source.stat().st_size):
            return
        temporary = self.scratch()
        try:
            copy(source, temporary)
            self.admit(temporary, oid)
        finally:
            temporary.unlink(missing_ok=True)

    def add_bytes(self, data: bytes, oid: str) -> None:
        """A small object."""
        if self.has(oid, len(data)):
            return
        temporary = self.scratch()
        try:
            temporary.write_bytes(data)
            self.admit(temporary, oid)
        finally:
            temporary.unlink(missing_ok=True)


def size_of(path: Path) -> int | None:
    """A file's size, if there is one."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def copy(source: Path, target: Path) -> None:
    """A copy of its own, sharing blocks where the file system can."""
    from dvc.fs import localfs  # type: ignore[import-untyped]

    try:
        localfs.reflink(str(source), str(target))
    except OSError:
        shutil.copyfile(source, target)


def hashes(path: Path, advance: Callable[[int], None] = lambda _: None) -> tuple[str, str]:
    """md5 and sha256 of a file, in one pass."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            md5.update(chunk)
            sha256.update(chunk)
            advance(len(chunk))
    return md5.hexdigest(), sha256.hexdigest()


def is_whole(path: Path, entry: FileEntry) -> bool:
    """Whether a file is what the manifest says."""
    if size_of(path) != entry.size:
        return False
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256


def link(source: Path, target: Path) -> None:
    """The same file under another name; that another process was faster is fine."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.link(source, target)
