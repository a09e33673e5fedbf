"""Trying engines for an export, each in a process of its own that may neither take long nor take all memory.

A builder is a compiler of somebody else's: it may crash, hang or eat memory, and none of that is a reason for an
export to end otherwise than with a bundle that says so.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.serving.bundle.contract import Contract, Dimension
from slipway.serving.bundle.manifest import Engine
from slipway.training.export.errors import ExportFailed
from slipway.training.export.tensorrt.child import Answer, Request, Span
from slipway.training.export.tensorrt.module import find_maker
from slipway.training.export.wanted import Maker

MODULE: Final = "slipway.training.export.tensorrt.child"
SECONDS: Final = 600.0
MEMORY: Final = 8 * 1024**3
LAST_WORDS: Final = 300


@dataclass(frozen=True)
class Limits:
    """Of one engine."""

    seconds: float = SECONDS
    memory_bytes: int = MEMORY


@dataclass(frozen=True)
class Engines:
    """Tries engines with one module for one contract."""

    maker: Maker
    contract: Contract
    timing: Path | None = None
    """A file that keeps what was measured for the next ones."""
    limits: Limits = Limits()

    def check(self) -> None:
        """Refuse another TensorRT than the one that the work is named by."""
        here = find_maker()
        if here != self.maker:
            raise ExportFailed(
                f"The export was named with {self.maker.told}; here is {here.told if here else 'no TensorRT'}.",
                mend="Export again here: the work is named by what is here then.",
            )

    def try_one(self, model: Path, keep: Path | None = None) -> Engine:
        """Whether an engine of this model can be made; `keep` is where it goes."""
        with tempfile.TemporaryDirectory(prefix="slipway-engine-") as folder:
            request, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
            asked = Request(
                module=self.maker.module,
                model=model.absolute(),
                inputs=profiles(self.contract),
                timing=self.timing,
                memory_bytes=self.limits.memory_bytes,
                engine=keep,
            )
            request.write_text(asked.model_dump_json())
            died = _run([MODULE, str(request), str(answer)], folder, self.limits.seconds)
            if answer.is_file():
                found = Answer.model_validate_json(answer.read_bytes())
                return Engine(tensorrt=self.maker.told, built=found.built, problems=found.problems)
        return Engine(tensorrt=self.maker.told, built=False, problems=(died,))


def profiles(contract: Contract) -> Mapping[str, Span]:
    """The range of each input, by the contract's dimensions."""
    return {
        one.name: Span(
            least=tuple(_size(dim, contract, "least") for dim in one.dims),
            usual=tuple(_size(dim, contract, "usual") for dim in one.dims),
            most=tuple(_size(dim, contract, "most") for dim in one.dims),
        )
        for one in contract.inputs
    }


def _size(dim: Dimension, contract: Contract, which: str) -> int:
    return dim if isinstance(dim, int) else int(getattr(contract.dims[dim], which))


def _run(arguments: list[str], folder: str, seconds: float) -> str:
    """To its end, or to the end of its time; in words how it ended."""
    code = str(Path(__file__).resolve().parents[4])  # it loads what this process has loaded
    paths = [code, os.environ.get("PYTHONPATH", "")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    log = Path(folder) / "log.txt"
    with log.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", *arguments], cwd=folder, env=environ, stdout=file, stderr=file
        )
        try:
            code_of_end = child.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"It took longer than {seconds:.0f} s and was ended."
        finally:
            child.kill()
            child.wait()
    if code_of_end < 0:
        return f"The builder was ended by {signal.Signals(-code_of_end).name}."
    words = log.read_text(errors="replace").strip()[-LAST_WORDS:]
    return f"The builder ended with {code_of_end}: {' '.join(words.split())}"
