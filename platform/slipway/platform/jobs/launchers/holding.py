"""Which processes hold a lock, and a way to signal them that never reaches another program.

A process id by itself names nobody: it may have ended, and the number may be another's now. So a process is first
opened (`pidfd`), then looked at: it must have the lock's open file, and what was opened can be signalled. Somebody who
only looks at a lock has the file open without holding it, and is not meant.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

PROCESSES: Final = Path("/proc")


def open_holder(pid: int, lock: Path) -> int | None:
    """A `pidfd` of the process if it holds the lock; close it."""
    try:
        opened = os.pidfd_open(pid)
    except (OSError, OverflowError, ValueError):  # it ended, or no process was ever called so
        return None
    if _holds(pid, lock):
        return opened
    os.close(opened)
    return None


def open_holders(lock: Path) -> Iterator[tuple[int, int]]:
    """The id and a `pidfd` of each process that holds it; close them."""
    for place in PROCESSES.iterdir():
        if place.name.isdecimal() and _holds(int(place.name), lock):
            opened = open_holder(int(place.name), lock)
            if opened is not None:
                yield int(place.name), opened


def _holds(pid: int, lock: Path) -> bool:
    with suppress(OSError):  # gone meanwhile, or another person's
        wanted = lock.stat()
        for descriptor in (PROCESSES / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if os.path.samestat(descriptor.stat(), wanted) and _locked(pid, descriptor.name):
                    return True
    return False


def _locked(pid: int, descriptor: str) -> bool:
    told = (PROCESSES / str(pid) / "fdinfo" / descriptor).read_text()
    return any(line.startswith("lock:") and "FLOCK" in line and "WRITE" in line for line in told.splitlines())
