"""Losses that bring pictures of one individual together and push those of others apart.

`MetricLoss` adds up to two of pytorch-metric-learning's. One classifies the individuals of training and has a weight
vector for each, which is learned too and belongs to the loss alone; it looks at embeddings, behind the neck. One
compares the pairs or triplets of a batch; it looks at features, before the neck. Both see the batch of all processes.
Nothing is remembered from one step to the next, and nothing is drawn at random once the weights are there.
"""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from pytorch_metric_learning import distances, losses, miners
from torch import Tensor, nn

from slipway.training.networks.sharing import everyone

CLASSIFIERS: Final[Mapping[str, Callable[[int, int, float, float], nn.Module]]] = {
    "softmax": lambda classes, width, _margin, scale: losses.NormalizedSoftmaxLoss(
        classes, width, temperature=1 / scale
    ),
    "cosface": lambda classes, width, margin, scale: losses.CosFaceLoss(classes, width, margin=margin, scale=scale),
    "arcface": lambda classes, width, margin, scale: losses.ArcFaceLoss(
        classes, width, margin=torch.rad2deg(torch.tensor(margin)).item(), scale=scale
    ),
}
"""Made from the number of individuals, the width of an embedding, margin and scale; ArcFace's margin is in radians."""


class Triplets(nn.Module):
    """The hardest positive and the hardest negative of each picture; the margin is soft where it is 0."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        distance = distances.LpDistance(normalize_embeddings=False)
        self.miner = miners.BatchHardMiner(distance=distance)
        self.loss = losses.TripletMarginLoss(margin=margin, smooth_loss=margin == 0, distance=distance)

    def forward(self, features: Tensor, individuals: Tensor) -> Tensor:
        mined = self.miner(features, individuals)
        found: Tensor = self.loss(features, individuals, mined)
        return found


PAIRS: Final[Mapping[str, Callable[[float, float], nn.Module]]] = {
    "triplet": lambda margin, _scale: Triplets(margin),
    "circle": lambda margin, scale: losses.CircleLoss(m=margin, gamma=scale),
    "supcon": lambda _margin, scale: losses.SupConLoss(temperature=1 / scale),
}
"""Made from margin and scale."""


class MetricLoss(nn.Module):
    """The weighted sum of a loss that classifies and one that compares; either may be missing."""

    def __init__(self, classifier: nn.Module | None, pairs: nn.Module | None, weight: float = 1.0) -> None:
        super().__init__()
        self.classifier, self.pairs, self.weight = classifier, pairs, weight

    def forward(self, heads: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`features`, `embedding` and the number of each picture's individual; gives `loss` and its parts."""
        individuals = everyone(truth["individual"])
        parts: dict[str, Tensor] = {}
        if self.classifier is not None:
            parts["classification"] = self.classifier(everyone(heads["embedding"].float()), individuals)
        if self.pairs is not None:
            parts["comparison"] = self.weight * self.pairs(everyone(heads["features"].float()), individuals)
        return {"loss": torch.stack(list(parts.values())).sum(), **parts}
