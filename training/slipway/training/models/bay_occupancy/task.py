"""bay-occupancy's task."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from torch import Tensor, nn

from slipway.platform.data.snapshot import Snapshot
from slipway.training.evaluation.judged import Judged
from slipway.training.evaluation.predicted import softmax, table_of_probabilities
from slipway.training.losses.classes import LOGITS, CrossEntropy
from slipway.training.models.bay_occupancy import baseline, evaluation
from slipway.training.models.bay_occupancy.augmentation import changed
from slipway.training.models.bay_occupancy.config import Config
from slipway.training.models.bay_occupancy.data import STATE, STATES, examples_of
from slipway.training.models.bay_occupancy.network import OccupancyNetwork
from slipway.training.reading.philox import Words
from slipway.training.task import Arrays, Examples, Task


class Occupancy(Task[Config]):
    """Free or occupied."""

    def examples(self, snapshot: Snapshot, split: str) -> Examples:
        return examples_of(snapshot, split, self.config.network.size)

    def augment(self, images: Tensor, truth: Mapping[str, Tensor], seeds: Words) -> tuple[Tensor, Mapping[str, Tensor]]:
        return changed(images, seeds, self.config.augmentation), truth

    def network(self, examples: Examples) -> nn.Module:  # noqa: ARG002 - the states are always the same
        return OccupancyNetwork(self.config.network, len(STATES))

    def criterion(self, examples: Examples) -> nn.Module:  # noqa: ARG002
        return CrossEntropy(STATE, self.config.smoothing)

    def predictions(self, heads: Arrays, examples: Examples) -> pa.Table:
        return table_of_probabilities(examples.rows, STATES, softmax(heads[LOGITS]))

    def judge(self, predictions: pa.Table, examples: Examples) -> Judged:
        return evaluation.judged(predictions, examples.rows)

    def pictures(self, judged: Judged, examples: Examples, folder: Path) -> Sequence[Path]:
        from slipway.training.pictures.classes import draw_classes
        from slipway.training.pictures.worst import worst_samples

        return *draw_classes(judged.details, folder), worst_samples(judged, examples, folder / "worst.png")

    def baseline(self, snapshot: Snapshot, examples: Examples) -> pa.Table:
        training = self.examples(snapshot, "train")
        occupied = training.truth[STATE].numpy() == STATES.index("occupied")
        offset, slope = baseline.fitted(baseline.edge_density(training.source), occupied)
        said = baseline.logistic(offset + slope * baseline.edge_density(examples.source))
        return table_of_probabilities(examples.rows, STATES, np.stack([1 - said, said], axis=1))


def build(config: Config) -> Occupancy:
    """The task for a config."""
    return Occupancy(config)
