"""vehicle-reid, put together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from torch import Tensor, nn

from slipway.training.evaluation.embeddings import table_of_embeddings
from slipway.training.losses.metric import CLASSIFIERS, PAIRS, MetricLoss
from slipway.training.models.vehicle_reid.augmentation import changed
from slipway.training.models.vehicle_reid.baseline import histograms
from slipway.training.models.vehicle_reid.config import Config
from slipway.training.models.vehicle_reid.data import INDIVIDUAL, examples_of
from slipway.training.models.vehicle_reid.evaluation import described, judged
from slipway.training.networks.embedder import Embedder
from slipway.training.networks.residual import Residual
from slipway.training.reading.identities import IdentityBatches, codes
from slipway.training.task import Arrays, Examples, Task

if TYPE_CHECKING:
    from slipway.platform.data.snapshot import Snapshot
    from slipway.training.evaluation.judged import Judged
    from slipway.training.reading.philox import Words


class VehicleReid(Task[Config]):
    """Pictures of vehicles to vectors, near each other where they show the same one."""

    def examples(self, snapshot: "Snapshot", split: str) -> Examples:
        network = self.config.network
        return examples_of(snapshot, split, (network.height, network.width), network.margin)

    def plan(self, examples: Examples) -> IdentityBatches:
        """P vehicles with K pictures each."""
        rows, k = examples.rows, self.config.images
        identities, cameras = codes(rows["identity"]), codes(rows["camera"])
        return IdentityBatches(identities, cameras, p=self.config.batch // k, k=k, seed=self.config.seed)

    def augment(
        self, images: Tensor, truth: Mapping[str, Tensor], seeds: "Words"
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        return changed(images, seeds, self.config.augmentation), truth

    def network(self, examples: Examples) -> nn.Module:  # noqa: ARG002 - as wide whoever is in the data
        config = self.config.network
        return Embedder(Residual(config.widths, config.depths, config.stem), config.embedding)

    def criterion(self, examples: Examples) -> nn.Module:
        config = self.config.loss
        classifier = pairs = None
        if config.classifier != "none":
            individuals = int(examples.truth[INDIVIDUAL].max()) + 1
            make = CLASSIFIERS[config.classifier]
            width = self.config.network.embedding
            classifier = make(individuals, width, config.classifier_margin, config.classifier_scale)
        if config.pairs != "none":
            pairs = PAIRS[config.pairs](config.pairs_margin, config.pairs_scale)
        return MetricLoss(classifier, pairs, config.pairs_weight)

    def predictions(self, heads: Arrays, examples: Examples) -> pa.Table:
        return table_of_embeddings(examples.rows, heads["embedding"].astype(np.float32))

    def judge(self, predictions: pa.Table, examples: Examples) -> "Judged":
        return judged(predictions, examples.rows)

    def baseline(self, snapshot: "Snapshot", examples: Examples) -> pa.Table:  # noqa: ARG002 - needs pixels only
        return table_of_embeddings(examples.rows, histograms(examples.source))

    def pictures(self, judged: "Judged", examples: Examples, folder: Path) -> Sequence[Path]:
        """Queries with what came first, the curve of first matches, and the worst queries."""
        from slipway.training.pictures.gallery import draw_cmc, draw_gallery
        from slipway.training.pictures.worst import worst_samples

        files = [folder / name for name in ("gallery.png", "first-match.png", "worst.png")]
        draw_gallery(judged, examples, files[0])
        draw_cmc({self.config.model: judged.details["cmc"]}, files[1])
        worst_samples(judged, examples, files[2], caption=described)
        return files


def build(config: Config) -> VehicleReid:
    """The task for a config."""
    return VehicleReid(config)
