"""Writing that a power cut leaves whole or undone: a file's content first, then the folder's names."""

import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
_PART: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


def write_whole(path: Path, data: bytes, *, part: Path) -> None:
    """A file that nobody else reads: the old content or the new one. `part`, beside it, is what may be left over."""
    descriptor = os.open(part, _PART, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, PRIVATE)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
