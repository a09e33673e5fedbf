"""Locks between processes that a kill releases: `flock` on a file that whoever is done removes.

A waiter says for whom it waits. It looks again every fraction of a second instead of sleeping in the kernel, so that
Ctrl-C in the main thread stops the threads that wait.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.platform.errors import SlipwayError

PAUSE = 0.05


class Stopped(SlipwayError):
    """Another thread of the same work failed, or a person pressed Ctrl-C."""


@contextmanager
def locked(path: Path, waiting: Callable[[str], None], stop: threading.Event) -> Iterator[None]:
    """Hold the lock; `waiting` hears once who has it, if another does."""
    descriptor = _take(path, waiting, stop)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(path: Path, waiting: Callable[[str], None], stop: threading.Event) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode(errors="replace") or "another process"
            os.close(descriptor)
            if not told:
                waiting(holder)
                told = True
            if stop.wait(PAUSE):
                raise Stopped("Stopped while waiting.") from None
            continue
        if _leads_to(path, descriptor):
            return descriptor
        os.close(descriptor)  # the one before us removed it between our opening and locking


def _leads_to(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
