"""Where a simulation lies: in memory where the system has a folder for that, else it would mostly wait for a disk."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of one's own is made in it
ROOM: Final = 512 * 1024 * 1024
"""Bytes that are free there, or it is left alone."""


@contextmanager
def place() -> Iterator[Path]:
    """A folder, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="slipway-simulation-", dir=MEMORY if _has_room() else None) as folder:
        yield Path(folder)


def _has_room() -> bool:
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return False
    return os.access(MEMORY, os.W_OK) and found.f_bavail * found.f_frsize >= ROOM
