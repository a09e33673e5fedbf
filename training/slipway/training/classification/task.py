"""The task of a model that tells what an image shows; a model's own derives from it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor, nn

from slipway.platform.data.snapshot import Snapshot
from slipway.training.classification.config import Config, NetworkConfig
from slipway.training.classification.data import CLASS, SLICES, examples_of
from slipway.training.evaluation.classification import Answers, judge_classes
from slipway.training.evaluation.judged import Judged
from slipway.training.evaluation.predicted import probabilities_of, softmax, table_of_probabilities
from slipway.training.evaluation.slices import slices_of
from slipway.training.losses.classes import LOGITS, CrossEntropy
from slipway.training.networks.residual import Residual
from slipway.training.networks.sharing import normalised, pooled
from slipway.training.reading.philox import Words, uniform
from slipway.training.reading.source import Source, pieces
from slipway.training.task import Arrays, Examples, Task

FLIP, LIGHT = range(2)

Floats = npt.NDArray[np.float64]


class Network(nn.Module):
    """uint8 images to a raw score for each class."""

    def __init__(self, config: NetworkConfig, classes: int) -> None:
        super().__init__()
        self.backbone = Residual(config.widths, config.depths, config.stem)
        self.drop = nn.Dropout(config.dropout)
        self.score = nn.Linear(config.widths[-1], classes)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {LOGITS: self.score(self.drop(pooled(self.backbone(normalised(images))[-1])))}


class Classification(Task[Config]):
    """Classes by name."""

    @property
    def classes(self) -> list[str]:
        """What is told apart, in the order of the scores."""
        return list(self.config.data.classes)

    def examples(self, snapshot: Snapshot, split: str) -> Examples:
        wanted = self.config.data
        return examples_of(snapshot, split, wanted.where, self.classes, wanted.size, wanted.margin)

    def augment(self, images: Tensor, truth: Mapping[str, Tensor], seeds: Words) -> tuple[Tensor, Mapping[str, Tensor]]:
        wanted = self.config.augment
        mirrored = torch.from_numpy(uniform(seeds, FLIP) < wanted.flip)[:, None, None, None]
        images = torch.where(mirrored, images.flip(3), images)
        light = 1 + wanted.brightness * (2 * uniform(seeds, LIGHT) - 1)
        gain = torch.from_numpy(light.astype(np.float32))[:, None, None, None]
        return (images * gain).round_().clamp_(0, 255).to(torch.uint8), truth

    def network(self, examples: Examples) -> nn.Module:  # noqa: ARG002 - the classes are in the config
        return Network(self.config.network, len(self.classes))

    def criterion(self, examples: Examples) -> nn.Module:  # noqa: ARG002
        return CrossEntropy(CLASS, self.config.smoothing)

    def predictions(self, heads: Arrays, examples: Examples) -> pa.Table:
        return table_of_probabilities(examples.rows, self.classes, softmax(heads[LOGITS]))

    def judge(self, predictions: pa.Table, examples: Examples) -> Judged:
        rows = examples.rows
        probabilities = probabilities_of(predictions, rows, self.classes)
        answers = Answers(probabilities, examples.truth[CLASS].numpy(), tuple(self.classes))
        shown = rows.select(["sample", *SLICES])
        return judge_classes(answers, slices_of(rows, {name: name for name in SLICES}), shown)

    def baseline(self, snapshot: Snapshot, examples: Examples) -> pa.Table:
        """By the mean colour: how near an image's is to that of each class."""
        training = self.examples(snapshot, "train")
        colours, numbers = mean_colours(training.source), training.truth[CLASS].numpy()
        there = [number for number in range(len(self.classes)) if (numbers == number).any()]
        centres = np.stack([colours[numbers == number].mean(axis=0) for number in there])
        spread = max(1.0, float(np.mean((colours - centres[np.searchsorted(there, numbers)]) ** 2)))
        gaps = mean_colours(examples.source)[:, None] - centres
        scores = np.full((len(gaps), len(self.classes)), -np.inf)
        scores[:, there] = -(gaps**2).sum(axis=2) / (2 * spread)
        return table_of_probabilities(examples.rows, self.classes, softmax(scores))

    def pictures(self, judged: Judged, examples: Examples, folder: Path) -> Sequence[Path]:
        from slipway.training.pictures.classes import draw_classes
        from slipway.training.pictures.worst import worst_samples

        worst = folder / "worst.png"
        worst_samples(judged, examples, worst)
        return [*draw_classes(judged.details, folder), worst]


def mean_colours(source: Source) -> Floats:
    """The mean red, green and blue of every row."""
    return np.concatenate([pixels.mean(axis=(1, 2)) for pixels in pieces(source)])
