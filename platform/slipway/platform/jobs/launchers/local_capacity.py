"""What this machine has, and has free now, in words."""

import shutil
import subprocess
from typing import Final

import psutil

from slipway.platform.machine import GIB, cores, memory_limit

LOOK_SECONDS: Final = 0.1
TOOL_SECONDS: Final = 20


def gpus_here() -> int:
    """How many devices the vendor's tool lists; none where it is absent."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    told = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, timeout=TOOL_SECONDS, check=False)
    return sum(line.startswith("GPU ") for line in told.stdout.splitlines()) if told.returncode == 0 else 0


def free_here(running: int) -> str:
    """A clause for a person; `running` is how many jobs run here."""
    busy = sum(psutil.cpu_percent(LOOK_SECONDS, percpu=True)) / 100
    granted = cores().threads
    memory = memory_limit()
    free = min(memory, int(psutil.virtual_memory().available))
    gpus = gpus_here()
    devices = f", {gpus} GPU{'s' if gpus > 1 else ''} in all" if gpus else ""
    jobs = f"; {running} job{'s run' if running > 1 else ' runs'} here" if running else ""
    share = f"{max(0.0, granted - busy):.1f} of {granted} cores, {free / GIB:.1f} of {memory / GIB:.1f} GiB"
    return f"{share} free{devices}{jobs}"
