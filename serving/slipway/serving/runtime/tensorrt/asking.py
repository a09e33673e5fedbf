"""Asking the side that owns `tensorrt`: how it is started, what it says of itself, and one engine made there."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from slipway.serving.runtime.children import Ended, TookTooLong, TookTooMuch, run_child
from slipway.serving.runtime.errors import DISK, ModelUnfit
from slipway.serving.runtime.tensorrt import worker
from slipway.serving.runtime.tensorrt.module import told as told_module
from slipway.serving.runtime.tensorrt.tensors import Tensors

WORKER: Final = Path(worker.__file__)
LOOKING: Final = 60.0
BUILDING: Final = 1800.0
MEMORY_MB: Final = 8192
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Limits:
    """Of one engine that is made."""

    seconds: float = BUILDING
    memory_mb: int = MEMORY_MB


@dataclass(frozen=True)
class Here:
    """What owns an interpreter's side."""

    module: str
    version: str
    capability: tuple[int, int] | None
    """Of the device; None where there is none, and engines can be made at most."""
    device: str | None = None

    @property
    def told(self) -> str:
        """Such as `tensorrt 10.3.0`."""
        return told_module(self.module, self.version)


@dataclass(frozen=True)
class Tried:
    """What came of making one engine."""

    built: bool
    size: int = 0
    sha256: str = ""
    problems: tuple[str, ...] = ()


def command(python: Path | None) -> list[str]:
    """How the worker is started; None is this interpreter, with what this process finds on its path."""
    if python is None:
        return [sys.executable, "-B", str(WORKER)]
    return [str(python), "-I", "-B", str(WORKER)]


def environment() -> dict[str, str]:
    """Of the worker."""
    return {**os.environ, "PYTHONSAFEPATH": "1"}


def look(python: Path | None = None, *, seconds: float = LOOKING) -> Here:
    """Which TensorRT and which device there are."""
    found = _asked(python, {"do": "look"}, seconds=seconds)
    if not found["module"]:
        raise ModelUnfit(
            f"{python or sys.executable} has no TensorRT.",
            mend="Name the interpreter that has it, such as /usr/bin/python3.10: "
            "`slipway-edge enrol … --again --tensorrt-python PROGRAM`.",
        )
    capability = found["capability"]
    return Here(found["module"], found["version"], tuple(capability) if capability else None, found["device"])


def make_apart(  # noqa: PLR0913 - all that an engine depends on, by name
    here: Here,
    model: Path,
    tensors: Tensors,
    *,
    python: Path | None = None,
    timing: Path | None = None,
    keep: Path | None = None,
    limits: Limits = Limits(),
    progress: Progress | None = None,
) -> Tried:
    """Try to make an engine in a process of its own; `keep` is where it goes.

    A builder is a compiler of somebody else's: it may crash, hang or eat memory, and then there is no engine.
    `OSError` where the disk does not take one: that says nothing of the model.
    """
    limit = limits.memory_mb * 1024 * 1024
    order = {
        "do": "make",
        "module": here.module,
        "model": str(model.absolute()),
        "tensors": tensors.to_json(),
        "timing": str(timing.absolute()) if timing else None,
        "engine": str(keep.absolute()) if keep else None,
        # Drivers of devices reserve far more than they use, so there only what is used counts.
        "memory_bytes": limit if here.capability is None else 0,
        "workspace_bytes": limit // 4,
    }
    try:
        found = _asked(python, order, seconds=limits.seconds, memory_mb=limits.memory_mb, progress=progress)
    except ModelUnfit as error:
        return Tried(built=False, problems=(str(error),))
    return Tried(found["built"], found["size"], found["sha256"], tuple(found["problems"]))


def _asked(
    python: Path | None,
    order: Mapping[str, Any],
    *,
    seconds: float,
    memory_mb: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The last line that the other side says; ModelUnfit where it says none, or that it failed itself."""

    def hear(line: bytes) -> None:
        said = _line(line)
        if progress is not None and said and "progress" in said:
            progress(str(said["progress"]), int(said["done"]), int(said["steps"]))

    given = json.dumps(order).encode() + b"\n"
    try:
        ended = run_child(
            command(python), given, seconds=seconds, memory_mb=memory_mb, environment=environment(), told=hear
        )
    except OSError as error:
        raise ModelUnfit(f"{python} cannot be started ({error.strerror}).") from None
    except TookTooLong:
        raise ModelUnfit(f"It took longer than {seconds:.0f} s and was ended.") from None
    except TookTooMuch as error:
        raise ModelUnfit(f"It was ended: it {error}.") from None
    return _answer(ended)


def _answer(ended: Ended) -> dict[str, Any]:
    if ended.signal:
        raise ModelUnfit(f"The process was ended by {ended.signal}.")
    said = _line((ended.told.splitlines() or [b""])[-1])
    if said is None or "progress" in said:
        raise ModelUnfit(f"The process ended with {ended.code}: {ended.last_words}")
    if said.get("errno") in DISK:
        raise OSError(said["errno"], os.strerror(said["errno"]))
    if "problem" in said:
        raise ModelUnfit(str(said["problem"]), mend=said.get("mend"))
    return said


def _line(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
