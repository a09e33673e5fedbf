"""Where the processes of a child stand, read from their own mouths: for one that makes no progress.

Each process that listens for it (`boot.py` sees to that) prints the stacks of its threads to the log on SIGUSR1; also
one that hangs in a library. A process that does not listen would be ended by the signal and is not sent any.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
WAIT: Final = 2.0
QUIET: Final = 0.2
TICK: Final = 0.02
LARGEST: Final = 256 * 1024


def stacks_of(pid: int, log: Path, *, wait: float = WAIT) -> str:
    """What the processes from `pid` downwards say of themselves, one after the other."""
    import psutil

    pids: list[int] = []
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        pids = [process.pid for process in (root, *root.children(recursive=True))]
    return "\n\n".join(f"{_title(one)}\n{_asked(one, log, wait)}" for one in pids if listens(one))


def listens(pid: int, proc: Path = PROC) -> bool:
    """Whether a process has an answer to SIGUSR1."""
    with suppress(OSError, ValueError):
        for line in (proc / str(pid) / "status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (signal.SIGUSR1 - 1) & 1)
    return False


def _asked(pid: int, log: Path, wait: float) -> str:
    """What it prints; nothing within `wait` seconds means that the kernel holds it, or that it is stopped."""
    begin = _size(log)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
    deadline = time.monotonic() + wait
    for size, since in _sizes(log):
        if (size > begin and since >= QUIET) or time.monotonic() >= deadline:
            break
    said = _read(log, begin).strip()
    return said or f"  no answer; the system says: {_state(pid)}"


def _sizes(log: Path) -> Iterator[tuple[int, float]]:
    """The size again and again, each with the seconds since it has changed."""
    size, changed = _size(log), time.monotonic()
    while True:
        now = _size(log)
        if now != size:
            size, changed = now, time.monotonic()
        yield size, time.monotonic() - changed
        time.sleep(TICK)


def _title(pid: int) -> str:
    with suppress(OSError):
        for word in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
            name, _, value = word.partition(b"=")
            if name == b"RANK":
                return f"rank {value.decode()} (process {pid}):"
    return f"process {pid}:"


def _state(pid: int) -> str:
    with suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("State:"):
                return line.partition(":")[2].strip()
    return "gone"


def _size(log: Path) -> int:
    with suppress(OSError):
        return log.stat().st_size
    return 0


def _read(log: Path, begin: int) -> str:
    with suppress(OSError), log.open("rb") as file:
        file.seek(begin)
        return file.read(LARGEST).decode(errors="replace")
    return ""
