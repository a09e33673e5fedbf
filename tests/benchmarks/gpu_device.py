"""The device that is measured on: how fast it can be at most, how busy it is, and time that waits for it.

A GPU is busy, as `nvidia-smi` counts it, while any of its parts computes: a training that it waits for shows there, one
that uses it badly shows in the share of its peak. The peak is the data sheet's for bf16 without sparsity; for a device
that is not listed it is what a large product of matrices reaches here.
"""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import torch

TERA: Final = 1e12
PEAKS: Final = (
    (("H100", "PCIe"), 756.0), (("H100", "NVL"), 835.0), (("H100",), 989.0), (("H200",), 989.0), (("GH200",), 989.0),
    (("B200",), 2250.0), (("A100",), 312.0), (("A30",), 165.0), (("A10",), 125.0), (("L40S",), 362.0), (("L4",), 121.0),
)  # fmt: skip
"""Words of a device's name, and its TFLOP/s."""
SIDE: Final = 8192
PRODUCTS: Final = 20
EVERY_MS: Final = 100


@dataclass(frozen=True)
class Peak:
    """TFLOP/s, and who says so."""

    value: float
    source: str


def lacking(device: str) -> str | None:
    """Why nothing can be measured here, if so."""
    if device == "cuda" and not torch.cuda.is_available():
        return "torch finds no CUDA device here; nothing is measured."
    return None


def named(device: torch.device) -> str:
    """What it is called."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"


def peak(device: torch.device) -> Peak | None:
    """The most that a GPU computes in bf16; nobody asks for a processor's."""
    if device.type != "cuda":
        return None
    listed = listed_peak(named(device))
    return Peak(listed, "data sheet") if listed else Peak(_product(device), f"a product of {SIDE} x {SIDE} here")


def listed_peak(name: str) -> float | None:
    """By the words of its name; a slice of a GPU is not the GPU."""
    words = set(re.split(r"[\s-]+", name))
    if "MIG" in words:
        return None
    return next((value for wanted, value in PEAKS if words.issuperset(wanted)), None)


def _product(device: torch.device) -> float:
    left, right = (torch.randn(SIDE, SIDE, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(PRODUCTS):
        left @ right
    watch = Stopwatch(device)
    with watch.counting():
        for _ in range(PRODUCTS):
            left @ right
    return 2 * SIDE**3 * PRODUCTS / watch.seconds / TERA


@dataclass
class Stopwatch:
    """Counts seconds between start and stop, both of which wait until the device has done what it was given.

    Asked as a clock it tells the seconds that were counted, so what happens around them is not measured.
    """

    device: torch.device
    seconds: float = 0.0
    waited: float = 0.0
    """Of the counted seconds, those in which nothing could be computed for want of a batch."""
    began: float | None = None
    ended: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def start(self) -> None:
        """From here on."""
        self._synchronize()
        self.began = time.perf_counter()

    def stop(self) -> None:
        """Up to here."""
        if self.began is None:
            raise RuntimeError("the watch was not started")
        self._synchronize()
        self.ended = time.perf_counter()
        self.seconds += self.ended - self.began
        self.began = None

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Start and stop."""
        self.start()
        yield
        self.stop()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count it as waiting, if time is being counted."""
        counted, started = self.began is not None, time.perf_counter()
        yield
        if counted and self.began is not None:
            self.waited += time.perf_counter() - started

    def _synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


@dataclass
class Busy:
    """Per cent of the time, sampled by `nvidia-smi` beside us."""

    samples: list[tuple[float, float]] = field(default_factory=list)
    """When, and how much."""

    def between(self, began: float, ended: float) -> float | None:
        """The mean over a time; None where nobody could tell."""
        found = [value for when, value in self.samples if began <= when <= ended]
        return sum(found) / len(found) if found else None


@contextmanager
def sampled(device: torch.device) -> Iterator[Busy]:
    """How busy a GPU is meanwhile."""
    busy = Busy()
    program = shutil.which("nvidia-smi")
    if device.type != "cuda" or program is None:
        yield busy
        return
    which = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
    command = [program, "-i", which, "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    with subprocess.Popen([*command, f"--loop-ms={EVERY_MS}"], stdout=subprocess.PIPE, text=True) as process:
        listener = threading.Thread(target=_listen, args=(process, busy), daemon=True)
        listener.start()
        try:
            yield busy
        finally:
            process.terminate()
            listener.join()


def _listen(process: "subprocess.Popen[str]", busy: Busy) -> None:
    for line in process.stdout or ():
        if line.strip().isdecimal():
            busy.samples.append((time.perf_counter(), float(line)))
