"""The folder in which one attempt runs: what the runner and its child say to each other.

The runner writes the order, unpacks the code and starts the child; the child writes everything else and never talks to
a store or a server. A file with a final name is complete: it was written beside and renamed. The journal is the one
file that grows; a torn last line is not there yet.

    order.json       what to do (`Order`)
    code/            the code archive, the only place that the child loads `slipway` from
    references/      the files that the config refers to, by their names there
    journal.jsonl    what happens, a line each (`runs.journal`), written by rank 0
    checkpoints/     step-00000120.ckpt, the newest few
    results/         files of the result; `summary.json` is written last and says that the child is done
    failure.json     what the child was doing when it failed (`Failure`)
    log.txt          standard output and error of the child

How the child ends: 0 is done; `RESUME` means that it was asked to stop, wrote a checkpoint and wants another attempt;
anything else is a failure.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

RESUME: Final = 75
"""The exit code of a child that can be gone on with; the same as sysexits' EX_TEMPFAIL."""
CHECKPOINT: Final = "step-{:08d}.ckpt"


class Message(BaseModel):
    """A frozen record; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Order(Message):
    """What the child is to do."""

    key: str
    attempt: int
    kind: str = "train"
    model: str
    package: str
    """The model's package, such as `slipway.training.models.vehicle_reid`."""
    config: Mapping[str, Any]
    """The whole composed config, with `runtime`."""
    snapshot: Path
    """The snapshot's folder, read-only."""
    view: Mapping[str, Any]
    cache: Path
    """Where derived files may be kept for others."""
    references: Mapping[str, Path] = {}
    """The files that the config refers to, by their names there."""
    resume: Path | None = None
    """The checkpoint to go on from."""
    arguments: Mapping[str, Any] = {}
    """What the kind of work wants beyond that."""


class Failure(Message):
    """What a child was doing when it failed."""

    error: str
    mend: str = ""
    """What a person can do about it, where that is known."""
    traceback: str
    step: int | None = None
    samples: tuple[str, ...] = ()
    """The samples of the batch that was being worked on."""
    rank: int = 0


class Summary(Message):
    """What a finished child leaves besides its files."""

    steps: int
    metrics: Mapping[str, float]
    """The last value of each metric, for tables."""
    seconds: float
    """Time spent between the first step and the end, over all attempts."""


@dataclass(frozen=True)
class Workplace:
    """The names in the folder."""

    folder: Path

    @property
    def order(self) -> Path:
        """What to do."""
        return self.folder / "order.json"

    @property
    def code(self) -> Path:
        """The unpacked code archive."""
        return self.folder / "code"

    @property
    def journal(self) -> Path:
        """What happens."""
        return self.folder / "journal.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Complete checkpoints."""
        return self.folder / "checkpoints"

    @property
    def results(self) -> Path:
        """Files of the result."""
        return self.folder / "results"

    @property
    def summary(self) -> Path:
        """The last file of the result."""
        return self.results / "summary.json"

    @property
    def failure(self) -> Path:
        """What went wrong."""
        return self.folder / "failure.json"

    @property
    def log(self) -> Path:
        """What the child printed."""
        return self.folder / "log.txt"

    def reference(self, name: str) -> Path:
        """A file that the config refers to."""
        return self.folder / "references" / name

    def checkpoint(self, step: int) -> Path:
        """The checkpoint that was taken when `step` optimizer steps were done."""
        return self.checkpoints / CHECKPOINT.format(step)


def write_whole(path: Path, data: bytes) -> None:
    """Give the file its name when all of it is on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
