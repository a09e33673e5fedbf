"""A small network on random pictures: with little to compute, what a step costs besides shows best."""

import os
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from slipway.platform.data.snapshot import Snapshot
from slipway.training.evaluation.judged import Judged
from slipway.training.networks.sharing import normalised, pooled
from slipway.training.reading.philox import Integers
from slipway.training.reading.pixels import Pixels, Size
from slipway.training.task import Arrays, Examples, Task

from .config import Config

ROWS = 512
CLASSES = 10


class Network(nn.Module):
    """Three convolutions and a line."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 1, 1), nn.BatchNorm2d(2 * width), nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 3, 1, 1), nn.BatchNorm2d(2 * width), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(2 * width, CLASSES)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": self.head(pooled(self.body(normalised(images))))}


class Criterion(nn.Module):
    """Cross entropy."""

    def __init__(self, *, only_start: bool) -> None:
        super().__init__()
        self._only_start, self._calls = only_start, 0

    def forward(self, heads: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self._only_start and self._calls == 1:
            os._exit(0)
        self._calls += 1
        return {"loss": functional.cross_entropy(heads["logits"], truth["label"])}


class Noise:
    """Random pixels by row."""

    grain = 64
    count = ROWS

    def __init__(self, side: int) -> None:
        self.size: Size = (side, side)
        self._pixels = np.random.default_rng(0).integers(0, 256, (ROWS, side, side, 3), np.uint8)

    def read(self, rows: Integers, out: Pixels) -> None:
        """Copy rows."""
        np.take(self._pixels, rows, axis=0, out=out)


class MicroTask(Task[Config]):
    """As much of a task as training needs."""

    def examples(self, snapshot: Snapshot, split: str) -> Examples:  # noqa: ARG002
        label = torch.from_numpy(np.random.default_rng(1).integers(0, CLASSES, ROWS))
        rows = pa.table({"sample": pa.array([str(row) for row in range(ROWS)])})
        return Examples(Noise(self.config.side), {"label": label}, rows)

    def network(self, examples: Examples) -> nn.Module:  # noqa: ARG002
        return Network(self.config.width)

    def criterion(self, examples: Examples) -> nn.Module:  # noqa: ARG002
        return Criterion(only_start=self.config.only_start)

    def predictions(self, heads: Arrays, examples: Examples) -> pa.Table:
        raise NotImplementedError

    def judge(self, predictions: pa.Table, examples: Examples) -> Judged:
        raise NotImplementedError

    def baseline(self, snapshot: Snapshot, examples: Examples) -> pa.Table:
        raise NotImplementedError


def build(config: Config) -> MicroTask:
    """As every model's `task` module has it."""
    return MicroTask(config)
