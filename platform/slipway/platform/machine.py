"""What this process may really use: cores and memory as the kernel's control groups grant them.

A container on a 64-core node with a quota of two cores must start two threads and not 64; the libraries see only the
64. Everything that sets thread counts or judges memory asks here.
"""

import os
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
GIB = 1024**3


@dataclass(frozen=True)
class Cores:
    """Cores that the process may be scheduled on, and how many of them a quota grants (None: all)."""

    schedulable: int
    quota: float | None

    @property
    def threads(self) -> int:
        """How many busy threads make sense: the quota rounded up, at least one."""
        granted = self.schedulable if self.quota is None else min(self.schedulable, ceil(self.quota))
        return max(1, granted)


def cores(cgroup: Path = CGROUP) -> Cores:
    """The cores of this process, from its affinity and the CPU quota of its control group (version 2 or 1)."""
    schedulable = len(os.sched_getaffinity(0))
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    if not quota:
        quota = _read(cgroup / "cpu/cpu.cfs_quota_us")
        period = _read(cgroup / "cpu/cpu.cfs_period_us")
    if quota in ("", "max") or int(quota) <= 0:
        return Cores(schedulable, None)
    return Cores(schedulable, int(quota) / int(period))


def memory_limit(cgroup: Path = CGROUP) -> int:
    """Bytes that this process may use: the machine's memory, or its control group's limit where that is less."""
    total = int(psutil.virtual_memory().total)
    limit = _read(cgroup / "memory.max") or _read(cgroup / "memory/memory.limit_in_bytes")
    return min(total, int(limit)) if limit.isdigit() else total


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
