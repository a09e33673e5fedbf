"""Real processes that are really killed, before the write of a chosen number.

They are forked from the test, so none has to import everything anew.
"""

import os
import signal
from collections.abc import Callable

from signed_channel.killing import WRITES
from slipway.platform.registry.desk import Refused
from slipway.platform.store.directory import DirectoryStore

REFUSED = 3


def child(work: Callable[[], object]) -> int:
    """Run it in a forked process, which ends with 0, `REFUSED`, or 1 for any other error; its id."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        work()
        status = 0
    except Refused:
        status = REFUSED
    finally:
        os._exit(status)


def ended(process: int) -> int:
    """Exit status, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_at(place: int, work: Callable[[], object]) -> bool:
    """Whether it came so far as to be killed before the write of that number; else it ended well."""

    def short_lived() -> None:
        _dying(place)
        work()

    status = ended(child(short_lived))
    assert status in (0, -signal.SIGKILL)
    return status != 0


def _dying(place: int) -> None:
    """From here on this process is killed before the write of that number."""
    left = place

    def counted(own: Callable[..., object]) -> Callable[..., object]:
        def write(*args: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return own(*args, **named)

        return write

    for name in WRITES:
        setattr(DirectoryStore, name, counted(getattr(DirectoryStore, name)))
