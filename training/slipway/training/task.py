"""What a model brings to training: its `Task`. Everything else is generic.

A model's folder has a module `config` with the dataclass `Config`, and a module `task` with `build(config)`, which
returns its task. The loop, resuming, several processes, judging, pictures, reproduction and export know this interface
and no model.

Rules that keep runs exact
* `forward` of the network takes uint8 images (N, 3, H, W) and gives raw heads by name, with the normalisation inside:
  that is the graph that is exported.
* No module remembers a count of steps or draws from a generator that it keeps. The loop seeds torch's generator before
  every step from (seed, step, rank), so dropout needs nothing more.
* What needs the whole batch (a loss over pairs, a count of positives, batch statistics) goes through
  `training.networks.sharing`, so that two processes compute what one would.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn

from slipway.training.config.schema import RunConfig
from slipway.training.reading.plans import Plan, Shuffled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from slipway.platform.data.snapshot import Snapshot
    from slipway.training.evaluation.judged import Judged
    from slipway.training.reading.philox import Words
    from slipway.training.reading.source import Source

C = TypeVar("C", bound=RunConfig)
Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Examples:
    """What a model learns from or is judged on: pixels, truth and slices, row by row."""

    source: "Source"
    truth: Mapping[str, Tensor]
    """For the loss, each with a line for every row; lists of different lengths are padded."""
    rows: pa.Table
    """`sample`, whatever tells two rows of a sample apart, the columns of slices, and what judging needs."""

    @property
    def count(self) -> int:
        """How many there are."""
        return self.source.count


class Task(ABC, Generic[C]):
    """One model's data, network, loss and judgement, for one config."""

    def __init__(self, config: C) -> None:
        self.config = config

    @abstractmethod
    def examples(self, snapshot: "Snapshot", split: str) -> Examples:
        """The rows of one split: `train`, `validation` or `test`."""

    def plan(self, examples: Examples) -> Plan:
        """The order in which training reads them."""
        return Shuffled(examples.count, self.config.batch, self.config.seed)

    def augment(
        self,
        images: Tensor,
        truth: Mapping[str, Tensor],
        seeds: "Words",  # noqa: ARG002 - for those that change something
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Images and truth changed at random, each by its own seed alone; images stay uint8."""
        return images, truth

    @abstractmethod
    def network(self, examples: Examples) -> nn.Module:
        """What is trained and shipped: uint8 images to raw heads by name. `examples` are those of training."""

    @abstractmethod
    def criterion(self, examples: Examples) -> nn.Module:
        """Called with heads and truth; gives losses by name; `loss` is minimised. It may have weights."""

    @abstractmethod
    def predictions(self, heads: Arrays, examples: Examples) -> pa.Table:
        """What the heads of all rows, in their order, say: the table that anybody can hand in to be judged."""

    @abstractmethod
    def judge(self, predictions: pa.Table, examples: Examples) -> "Judged":
        """Predictions, ours or anybody's, against the truth; a bad table is a `WrongUse` naming row and column."""

    @abstractmethod
    def baseline(self, snapshot: "Snapshot", examples: Examples) -> pa.Table:
        """Predictions without any learning of ours, for comparison."""

    def pictures(
        self,
        judged: "Judged",  # noqa: ARG002 - for those that draw something
        examples: Examples,  # noqa: ARG002
        folder: "Path",  # noqa: ARG002
    ) -> "Sequence[Path]":
        """Draw what helps to look at a judgement, as files in the folder, which is there."""
        return ()


def seeded(seed: int, step: int, rank: int) -> None:
    """Make what torch draws in this step a function of nothing else."""
    from slipway.training.reading.philox import key_of

    number = key_of(seed, f"step/{rank}", step) >> 1
    # Not `torch.manual_seed`: for a GPU that is not in use it keeps a stack trace for every call.
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(number)
