"""The process that makes one engine: told by a file what to do, it leaves a file that says what came of it.

python -m slipway.training.export.tensorrt.child REQUEST ANSWER
"""

import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from slipway.training.export.tensorrt.building import Sizes, build
from slipway.training.export.tensorrt.module import load_module


class Span(BaseModel):
    """One input's shapes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    least: tuple[int, ...]
    usual: tuple[int, ...]
    most: tuple[int, ...]


class Request(BaseModel):
    """What to do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    module: str
    model: Path
    inputs: Mapping[str, Span]
    timing: Path | None = None
    memory_bytes: int
    """What the process may write to."""
    engine: Path | None = None
    """Where the engine goes; nowhere unless given."""


class Answer(BaseModel):
    """What came of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    built: bool
    size: int = 0
    problems: tuple[str, ...] = ()


def main(request: Path, answer: Path) -> None:
    """Do it; without an answer it has died."""
    asked = Request.model_validate_json(request.read_bytes())
    resource.setrlimit(resource.RLIMIT_DATA, (asked.memory_bytes, asked.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    inputs = {name: Sizes(one.least, one.usual, one.most) for name, one in asked.inputs.items()}
    try:
        found = build(load_module(asked.module), asked.model.read_bytes(), inputs, asked.timing)
    except MemoryError:
        told = Answer(built=False, problems=(f"It wanted more than {asked.memory_bytes:,} bytes of memory.",))
    else:
        if asked.engine is not None and found.done:
            asked.engine.write_bytes(found.engine)
        told = Answer(built=found.done, size=len(found.engine), problems=found.problems)
    beside = answer.with_name(f".{answer.name}.{os.getpid()}")
    beside.write_text(told.model_dump_json())
    beside.replace(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
