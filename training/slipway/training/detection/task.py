"""The task of a detector; a model's own derives from it, and overrides what should be different."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from torch import Tensor, nn

from slipway.training.detection import answers, data, usual
from slipway.training.detection.changes import Changes
from slipway.training.detection.config import Config
from slipway.training.detection.losses import DetectionLoss
from slipway.training.detection.order import Repeated, times_of
from slipway.training.networks.detector import Detector
from slipway.training.reading.plans import Plan
from slipway.training.task import Arrays, Examples, Task

if TYPE_CHECKING:
    from slipway.platform.data.snapshot import Snapshot
    from slipway.training.evaluation.judged import Judged
    from slipway.training.reading.philox import Words


class Detection(Task[Config]):
    """Finds things of some categories in whole images."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.config.data.height, self.config.data.width

    def examples(self, snapshot: "Snapshot", split: str) -> Examples:
        wanted = self.config.data
        return data.examples(snapshot, split, wanted.where, wanted.categories, self.size, wanted.hidden)

    def plan(self, examples: Examples) -> Plan:
        times = times_of(examples.truth, len(self.config.data.categories), self.config.data.rare)
        return Repeated(times, self.config.batch, self.config.seed)

    def augment(
        self, images: Tensor, truth: Mapping[str, Tensor], seeds: "Words"
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        wanted = self.config.augment
        changes = Changes(
            flip=wanted.flip,
            zoom=wanted.zoom,
            brightness=wanted.brightness,
            contrast=wanted.contrast,
            colour=wanted.colour,
            order=wanted.order,
        )
        return changes.apply(images, truth, seeds)

    def network(self, examples: Examples) -> nn.Module:  # noqa: ARG002 - all is in the config
        shape = self.config.network
        return Detector(
            len(self.config.data.categories),
            self.size,
            widths=shape.widths,
            depths=shape.depths,
            stem=shape.stem,
            width=shape.width,
            finest=shape.finest,
        )

    def criterion(self, examples: Examples) -> nn.Module:  # noqa: ARG002 - all is in the config
        return DetectionLoss(2 ** (self.config.network.finest + 2), self.config.loss.boxes)

    def predictions(self, heads: Arrays, examples: Examples) -> pa.Table:
        peaks, boxes = np.asarray(heads["peaks"], np.float32), np.asarray(heads["boxes"], np.float32)
        wanted = self.config.answer
        return answers.table(
            peaks, boxes, examples.rows, self.config.data.categories, self.size, wanted.most, wanted.least
        )

    def judge(self, predictions: pa.Table, examples: Examples) -> "Judged":
        from slipway.training.evaluation.detection import judge_boxes

        return judge_boxes(predictions, examples.rows, self.config.data.categories)

    def pictures(self, judged: "Judged", examples: Examples, folder: Path) -> Sequence[Path]:
        from slipway.training.pictures.detections import draw_detections

        return draw_detections(judged, examples, folder)

    def baseline(self, snapshot: "Snapshot", examples: Examples) -> pa.Table:
        return usual.boxes(self.examples(snapshot, "train").rows, examples.rows, self.config.data.categories)
