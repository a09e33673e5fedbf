"""Processes of this machine: the members of a session, those that bear the stack's mark, ending them, their memory.

The mark is a variable that everything below a component inherits, so what is left of a stack is found even when nobody
recorded it, and a process id that the system gave to somebody else is never signalled.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from slipway.pipelines.local.place import STACK

if TYPE_CHECKING:
    import psutil

LOOK_SECONDS: Final = 0.05


def of_session(session: int) -> list[int]:
    """All living processes of a session but its leader."""
    import psutil

    members = [pid for pid in psutil.pids() if pid != session and _session(pid) == session]
    with suppress(psutil.Error):
        return [pid for pid in members if lives(psutil.Process(pid))]
    return members


def of_stack(name: str) -> list["psutil.Process"]:
    """Living processes that bear a stack's mark, and all that they started; never this one or those above it."""
    import psutil

    here = psutil.Process()
    own = {here.pid, *(one.pid for one in here.parents())}
    found: dict[int, psutil.Process] = {}
    for one in psutil.process_iter():
        if one.pid not in own and _mark(one) == name:
            found[one.pid] = one
            found |= {below.pid: below for below in _below(one)}
    return [one for one in found.values() if lives(one)]


def lives(process: "psutil.Process") -> bool:
    """Whether it has not ended: one that nobody waited for yet has."""
    import psutil

    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def end(processes: Iterable["psutil.Process"], seconds: float) -> int:
    """Ask them to end, and kill those that have not after a while; how many there were."""
    import psutil

    living = list(processes)
    for one in living:
        with suppress(psutil.Error):
            one.terminate()
    deadline = time.monotonic() + seconds
    while any(map(lives, living)) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    for one in filter(lives, living):
        with suppress(psutil.Error):
            one.kill()
    while any(map(lives, living)):
        time.sleep(LOOK_SECONDS)
    return len(living)


def signal_session(session: int, number: int) -> bool:
    """Signal all of a session but its leader; whether there was anybody."""
    members = of_session(session)
    for pid in members:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    return bool(members)


def memory(session: int) -> int:
    """Bytes that a session's processes have for themselves, shared pages divided among those who share them."""
    return sum(_proportional(pid) for pid in (session, *of_session(session)))


def born(pid: int) -> float:
    """When a process was started, by the system's clock; 0 when there is none."""
    import psutil

    with suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return 0.0


def _proportional(pid: int) -> int:
    import psutil

    with suppress(psutil.Error, OSError):
        told = psutil.Process(pid).memory_full_info()
        return int(getattr(told, "pss", 0) or told.uss)
    return 0


def _session(pid: int) -> int:
    with suppress(OSError):
        return os.getsid(pid)
    return -1


def _mark(process: "psutil.Process") -> str:
    import psutil

    with suppress(psutil.Error, OSError):
        return process.environ().get(STACK, "")
    return ""


def _below(process: "psutil.Process") -> Iterator["psutil.Process"]:
    import psutil

    with suppress(psutil.Error):
        yield from process.children(recursive=True)
