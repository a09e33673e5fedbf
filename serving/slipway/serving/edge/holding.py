"""One agent at a time in a device's folder.

The lock is the kernel's (`flock`), so it ends with the process that holds it, however that ends. The file's content
says who it is.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from slipway.serving.edge.configuration import LOCK
from slipway.serving.errors import SlipwayError

_LONGEST: Final = 400
_TRIES: Final = 5
_BETWEEN_S: Final = 0.05
"""Whoever asks `holder` has the lock for a moment."""


class Held(SlipwayError):
    """Another process works in this folder."""


@contextmanager
def held(folder: Path, command: str, now: datetime) -> Iterator[None]:
    """Hold the folder; `Held` says who does."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not _taken(handle):
            raise Held(
                f"{folder} is held by {_said(handle)}.",
                mend="Wait for it, or stop it: `systemctl stop slipway-edge` where systemd runs it.",
            )
        line = f"`slipway-edge {command}`, process {os.getpid()}, since {now:%Y-%m-%d %H:%M:%S} UTC"
        with suppress(OSError):  # on a full disk nobody learns who it is
            os.ftruncate(handle, 0)
            os.pwrite(handle, line.encode(), 0)
        yield
    finally:
        os.close(handle)


def holder(folder: Path) -> str | None:
    """Who holds the folder; None where nobody does."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _said(handle)
    else:
        return None
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    for turn in range(_TRIES):
        time.sleep(_BETWEEN_S if turn else 0)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def _said(handle: int) -> str:
    return os.pread(handle, _LONGEST, 0).decode(errors="replace").strip() or "another process"
