"""A task on pictures of 16 pixels: which of three classes is it? With everything that could make a run inexact.

Its network has batch statistics and dropout, its criterion has weights of its own and looks at the whole batch, and its
augmentation draws. `config.mischief` lets something bad happen at a chosen moment, once for each workplace.
"""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from slipway.platform.data.snapshot import Snapshot
from slipway.training.evaluation.judged import Judged, Weights
from slipway.training.networks.residual import convolution
from slipway.training.networks.sharing import everyone, normalised, pooled
from slipway.training.reading.philox import Words, uniform
from slipway.training.reading.source import Decoded, strings, whole_images
from slipway.training.task import Arrays, Examples, Task

from .config import Config

CLASSES = 3
SIDE = 16


class Network(nn.Module):
    """Two convolutions and a line."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(convolution(3, width, stride=2), convolution(width, 2 * width, stride=2))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, CLASSES)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": self.head(self.dropout(pooled(self.body(normalised(images)))))}


class Criterion(nn.Module):
    """Cross entropy over the whole batch, with a temperature that learns and a count of its calls."""

    calls: Tensor

    def __init__(self, mischief: "Mischief") -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.zeros(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self._mischief = mischief

    def forward(self, heads: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        logits, labels = everyone(heads["logits"]), everyone(truth["label"])
        loss = functional.cross_entropy(logits * self.temperature.exp(), labels)
        step = int(self.calls)
        self._mischief.happen("kill", step)
        self._mischief.happen("stop", step)
        if self._mischief.due("crash", step):
            raise ValueError("the criterion fell over")
        if self._mischief.due("nan", step):
            loss = loss * float("nan")
        self.calls += 1
        return {"loss": loss, "distance": logits.detach().square().mean()}


class TinyTask(Task[Config]):
    """The first letter of `source` says the class."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._mischief = Mischief(config.mischief)
        self._judged = 0

    def examples(self, snapshot: Snapshot, split: str) -> Examples:
        splits = np.array(snapshot.index["split"].to_pylist())
        rows = snapshot.index.take(np.flatnonzero(splits == split))
        label = torch.tensor(["abc".index(source[0]) for source in strings(rows["source"])])
        source = Decoded(snapshot, whole_images(snapshot, rows), (SIDE, SIDE))
        table = rows.select(["sample", "light"]).rename_columns(["sample", "slice_light"])
        return Examples(source, {"label": label}, table)

    def augment(self, images: Tensor, truth: Mapping[str, Tensor], seeds: Words) -> tuple[Tensor, Mapping[str, Tensor]]:
        flipped = torch.from_numpy(uniform(seeds, 0) < 0.5)
        return torch.where(flipped[:, None, None, None], images.flip(3), images), truth

    def network(self, examples: Examples) -> nn.Module:  # noqa: ARG002
        return Network(self.config.network.width, self.config.network.dropout)

    def criterion(self, examples: Examples) -> nn.Module:  # noqa: ARG002
        return Criterion(self._mischief)

    def predictions(self, heads: Arrays, examples: Examples) -> pa.Table:
        self._judged += 1
        self._mischief.happen("kill-validating", self._judged)
        self._mischief.happen("stop-validating", self._judged)
        scores = np.asarray(heads["logits"], np.float64)
        return scored(strings(examples.rows["sample"]), scores)

    def judge(self, predictions: pa.Table, examples: Examples) -> Judged:
        scores = np.stack([predictions[f"score_{name}"].to_numpy() for name in "abc"], axis=1)
        label = examples.truth["label"].numpy()
        right = (scores.argmax(axis=1) == label).astype(np.float64)
        squares = np.square(scores - np.eye(CLASSES)[label]).mean(axis=1)

        def mean(values: Weights) -> object:
            return lambda weights: (weights * values).sum(axis=-1) / weights.sum(axis=-1)

        return Judged(
            metrics={"accuracy": mean(right), "squares": mean(squares)},  # type: ignore[dict-item]
            units=len(label),
            slices={"slice_light": np.array(examples.rows["slice_light"].to_pylist(), np.str_)},
            samples=pa.table({"sample": pa.array(strings(predictions["sample"])), "error": pa.array(1 - right)}),
            falling=frozenset({"squares"}),
        )

    def baseline(self, snapshot: Snapshot, examples: Examples) -> pa.Table:  # noqa: ARG002
        return scored(strings(examples.rows["sample"]), np.zeros((examples.count, CLASSES)))


def scored(samples: list[str], scores: npt.NDArray[np.float64]) -> pa.Table:
    """Predictions as everybody hands them in."""
    columns = {f"score_{name}": pa.array(scores[:, place]) for place, name in enumerate("abc")}
    return pa.table({"sample": pa.array(samples), **columns})


class Mischief:
    """Lets something bad happen at a chosen moment, once in each folder of marks and in the process of rank 0 alone."""

    def __init__(self, plans: list[str]) -> None:
        self._plans = plans
        self._writes = 0
        if any(plan.startswith("kill-writing") for plan in plans):
            self._sync, os.fsync = os.fsync, self._torn  # type: ignore[assignment]

    def happen(self, what: str, at: int) -> None:
        """Send this process a signal, if it is time."""
        if self.due(what, at):
            os.kill(os.getpid(), signal.SIGKILL if what.startswith("kill") else signal.SIGTERM)

    def due(self, what: str, at: int) -> bool:
        """Whether it is time, for the first time."""
        plan = f"{what}@{at}"
        if plan not in self._plans or os.environ.get("RANK", "0") != "0":
            return False
        try:
            (Path(os.environ["TINY_MARKS"]) / plan).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _torn(self, descriptor: int) -> None:
        """A file is being written: half of it."""
        self._writes += 1
        if f"kill-writing@{self._writes}" in self._plans:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
        self.happen("kill-writing", self._writes)
        self._sync(descriptor)


def build(config: Config) -> TinyTask:
    """As every model's `task` module has it."""
    return TinyTask(config)
