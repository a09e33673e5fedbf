"""What all processes of a child use together, and how often the kernel has ended one for want of memory.

Memory is the proportional share (PSS) of every process below the child, summed: a page that ranks share counts once.
Where the kernel does not tell it, resident memory stands in. CPU time is what each process was last seen with, so what
workers used is known also when nobody waits for them. Both are samples; `Usage` of the child has what the kernel says
at its end, and the larger figure counts.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from slipway.platform.jobs.runner.child import Usage

KIB: Final = 1024
ROOT: Final = Path("/")
_KILLS: Final = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_PSS: Final = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


class Tree:
    """The processes below one, itself included."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu: dict[tuple[int, float], float] = {}
        self.memory = 0
        """Bytes of all of them, when they were looked at last."""
        self.memory_peak = 0

    def look(self) -> None:
        """Measure now."""
        import psutil

        memory = 0
        with suppress(psutil.Error):
            root = psutil.Process(self._pid)
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.Error, OSError):
                    times = process.cpu_times()
                    self._cpu[process.pid, process.create_time()] = times.user + times.system
                    memory += memory_of(process.pid)
        self.memory = memory
        self.memory_peak = max(self.memory_peak, memory)

    def usage(self, told: Usage) -> Usage:
        """Together with what the kernel told at the end."""
        return Usage(
            memory_peak=max(self.memory_peak, told.memory_peak),
            cpu_seconds=max(sum(self._cpu.values()), told.cpu_seconds),
        )


def memory_of(pid: int, proc: Path = ROOT / "proc") -> int:
    """Bytes of one process; what it shares with others is shared out."""
    with suppress(OSError):
        found = _PSS.search((proc / str(pid) / "smaps_rollup").read_bytes())
        if found:
            return int(found[1]) * KIB
    return int((proc / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def memory_kills(root: Path = ROOT) -> int:
    """How many processes of this control group the kernel has ended for want of memory; 0 where it does not say."""
    for place in _places(root):
        with suppress(OSError):
            found = _KILLS.search(place.read_text())
            if found:
                return int(found[1])
    return 0


def _places(root: Path) -> list[Path]:
    """Where the count may be: of the newer and the older kind of control group, seen from outside or inside one."""
    own = {"": "/", "memory": "/"}
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, kind, path = line.split(":", 2)
            own[kind] = path
    groups = root / "sys/fs/cgroup"
    return [
        groups / own[""].lstrip("/") / "memory.events",
        groups / "memory.events",
        groups / "memory" / own["memory"].lstrip("/") / "memory.oom_control",
        groups / "memory/memory.oom_control",
    ]
