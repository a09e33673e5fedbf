"""Checks of this machine: Python, the lock, disk, memory, cores and threads, GPU."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import psutil

from slipway.platform.doctor.check import Finding, failed, ok, skipped, warning
from slipway.platform.doctor.lock import drift
from slipway.platform.machine import GIB, Cores, memory_limit
from slipway.platform.settings import Settings

LOCK = "requirements.lock"
DIFFERENCES_SHOWN = 3
DISK_NEEDED, DISK_WANTED = 1 * GIB, 10 * GIB
MEMORY_WANTED = 4 * GIB
THREAD_VARIABLE = "OMP_NUM_THREADS"


def python(root: Path) -> Iterator[Finding]:
    """The interpreter, and whether what is installed equals the lock."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield ok("python", f"Python {version} at {sys.executable}")
    lock = root / LOCK
    if not lock.exists():
        yield skipped("lock", f"no {LOCK} in {root}")
        return
    differences = drift(lock)
    if differences:
        more = len(differences) - DIFFERENCES_SHOWN
        detail = "; ".join(differences[:DIFFERENCES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        yield warning("lock", detail, "rm -r .venv && make setup")
    else:
        yield ok("lock", f"the environment equals {LOCK}")


def disk(root: Path) -> Iterator[Finding]:
    """Free space where local state is kept."""
    place = next(folder for folder in (root / ".slipway", root) if folder.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / GIB:.1f} GiB free at {place}"
    mend = "Free some space: `make clean` removes caches, `slipway config show data.cache` names the shard cache."
    if not os.access(place, os.W_OK):
        yield failed("disk", f"{place} is not writable", f"chown -R $USER {place}")
    elif free < DISK_NEEDED:
        yield failed("disk", detail, mend)
    elif free < DISK_WANTED:
        yield warning("disk", detail, mend)
    else:
        yield ok("disk", detail)


def memory() -> Iterator[Finding]:
    """Memory that this process may use, and how much of it is free."""
    limit, available = memory_limit(), int(psutil.virtual_memory().available)
    usable = min(limit, available)
    detail = f"{usable / GIB:.1f} of {limit / GIB:.1f} GiB available"
    if usable < MEMORY_WANTED:
        yield warning("memory", detail, "Training a small model takes about 2 GiB: end other programs first.")
    else:
        yield ok("memory", detail)


def threads(cores: Cores, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Cores, quota, and whether numeric libraries would start more threads than that."""
    quota = "no quota" if cores.quota is None else f"a quota of {cores.quota:g}"
    detail = f"{cores.schedulable} cores, {quota}"
    value = environ.get(THREAD_VARIABLE, "")
    wanted = int(value) if value.isdigit() else cores.schedulable
    if wanted > cores.threads:
        yield warning(
            "threads",
            f"{detail}; libraries would start {wanted} threads",
            f"export {THREAD_VARIABLE}={cores.threads}",
        )
    else:
        yield ok("threads", f"{detail}; {cores.threads} threads make sense")


def gpu(settings: Settings) -> Iterator[Finding]:
    """GPUs with their driver, and whether TensorRT can be imported beside them."""
    needed = settings.targets["local"].gpus
    names = _gpu_names()
    if len(names) < needed:
        yield failed(
            "gpu",
            f"target `local` names {needed} GPUs, the driver shows {len(names)}",
            "Install the vendor's driver (`nvidia-smi` must list the device), or SLIPWAY_TARGETS__LOCAL__GPUS=0",
        )
    elif names:
        yield ok("gpu", "; ".join(names))
    else:
        yield skipped("gpu", "none here, and no target of this machine asks for one")
    modules = [name for name in ("tensorrt", "tensorrt_rtx") if find_spec(name) is not None]
    if modules:
        yield ok("tensorrt", f"{' and '.join(modules)} can be imported")
    elif names:
        yield warning("tensorrt", "a GPU is here but no TensorRT", "pip install 'slipway-serving[tensorrt]'")
    else:
        yield skipped("tensorrt", "not installed, and no GPU to use it")


def _gpu_names() -> list[str]:
    """What the vendor's tool lists; nothing where it is absent or finds no device."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    return [line.strip() for line in result.stdout.splitlines() if line.strip()] if result.returncode == 0 else []
