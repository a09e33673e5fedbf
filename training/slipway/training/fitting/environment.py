"""The environment of a training: what may change its numbers besides code, data and config."""

import platform
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import torch

LIBRARIES: Final = (
    "torch", "pytorch-lightning", "torchmetrics", "numpy", "pyarrow", "opencv-python-headless", "simplejpeg",
    "safetensors", "pytorch-metric-learning", "faster-coco-eval",
)  # fmt: skip
CPU: Final = Path("/proc/cpuinfo")


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, processor and GPU, as `environment.json` has them."""
    model, flags = _processor()
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "libraries": {name: version for name in LIBRARIES if (version := _version(name))},
        "cpu": {"model": model, "flags": flags, "machine": platform.machine()},
        "torch": {
            "threads": torch.get_num_threads(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "config": torch.__config__.show().splitlines(),
        },
        "gpu": _gpu(device),
    }


def facts(found: dict[str, Any], processes: int) -> dict[str, str]:
    """The short form, for tables and tags."""
    told = {
        "hardware/cpu": found["cpu"]["model"],
        "hardware/capability": found["torch"]["capability"],
        "hardware/threads": str(found["torch"]["threads"]),
        "hardware/processes": str(processes),
        "python": found["python"],
    }
    if found["gpu"]:
        told["hardware/gpu"] = found["gpu"]["name"]
    return {**told, **{f"library/{name}": version for name, version in found["libraries"].items()}}


def _processor() -> tuple[str, list[str]]:
    """The model's name and what it can do, of the first core."""
    try:
        lines = CPU.read_text().split("\n\n", 1)[0].splitlines()
    except OSError:
        return platform.processor(), []
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    model = fields.get("model name") or fields.get("CPU part") or platform.processor()
    return model, sorted((fields.get("flags") or fields.get("Features") or "").split())


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _gpu(device: torch.device) -> dict[str, Any] | None:
    if device.type != "cuda":
        return None
    properties = torch.cuda.get_device_properties(device)
    return {
        "name": properties.name,
        "memory": properties.total_memory,
        "capability": f"{properties.major}.{properties.minor}",
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }
