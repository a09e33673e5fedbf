"""What a child leaves behind: processes that it started, made sessions of their own, and that outlive it.

The program of a node adopts them: whatever below it loses its parent becomes its own child. So they are found when the
child has ended, and end before the attempt does. Only a process that is there for one attempt alone may do this.
"""

import ctypes
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import psutil

PR_SET_CHILD_SUBREAPER: Final = 36
PATIENCE: Final = 5.0
"""Seconds that the kernel may take to end them."""


def adopt() -> None:
    """From now on."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_adopted() -> int:
    """Kill everything below this process; how many there were that still lived."""
    import psutil

    ended = 0
    while living := [one for one in psutil.Process().children(recursive=True) if _lives(one)]:
        for one in living:
            with suppress(psutil.Error):
                one.kill()
        ended += len(living)
        _, left = psutil.wait_procs(living, timeout=PATIENCE)
        if left:
            break
    return ended


def _lives(process: "psutil.Process") -> bool:
    """Whether it has not ended; one that has is taken from the system's table."""
    import psutil

    with suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return True
        with suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
    return False
