"""A detector without anchors, whose one map says for each place which category has its middle there, and its box.

No suppression is needed after it: a score that is not the highest among its eight neighbours is cut to 0 in the graph,
so the greatest of `peaks` are the answer. Everything in the graph is of fixed shape but for the batch: convolutions,
nearest enlargement, maximum pooling.
"""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from slipway.training.networks.residual import Residual, convolution
from slipway.training.networks.sharing import normalised

RARE: Final = 0.02
"""What an untrained network says everywhere, so that the first steps are no shock."""
PIXELS: Final = 16.0
"""What one unit of a distance is."""


class Pyramid(nn.Module):
    """Coarse features added to finer ones, down to the stage `finest`."""

    def __init__(self, channels: Sequence[int], width: int, finest: int) -> None:
        super().__init__()
        self.finest = finest
        self.sides = nn.ModuleList(convolution(one, width, size=1, active=False) for one in channels[finest:])
        self.joined = convolution(width, width)

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        sides = [side(stage) for side, stage in zip(self.sides, stages[self.finest :], strict=True)]
        features: Tensor = sides[-1]
        for finer in reversed(sides[:-1]):
            features = finer + doubled(features)[:, :, : finer.shape[2], : finer.shape[3]]
        joined: Tensor = self.joined(torch.relu(features))
        return joined


class Detector(nn.Module):
    """uint8 images (N, 3, height, width) to heads by name, all on one map.

    `logits` (N, K, H, W), `peaks`, their probabilities with all but the peaks cut to 0, and `boxes` (N, 4, H, W): left,
    top, right, bottom in pixels of the input.
    """

    middles: Tensor

    def __init__(
        self,
        categories: int,
        size: tuple[int, int],
        *,
        widths: Sequence[int],
        depths: Sequence[int],
        stem: int,
        width: int,
        finest: int,
    ) -> None:
        super().__init__()
        self.body = Residual(widths, depths, stem)
        self.neck = Pyramid(self.body.channels, width, finest)
        self.stride = 2 ** (finest + 2)
        self.scores = nn.Sequential(convolution(width, width), _rare(nn.Conv2d(width, categories, 1)))
        self.sides = nn.Sequential(convolution(width, width), nn.Conv2d(width, 4, 1))
        self.register_buffer("middles", middles(size, self.stride), persistent=False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.neck(self.body(normalised(images)))
        logits = self.scores(features)
        reach = functional.softplus(self.sides(features).float()) * PIXELS
        boxes = torch.cat([self.middles - reach[:, :2], self.middles + reach[:, 2:]], dim=1)
        chances = torch.sigmoid(logits.float())
        highest = functional.max_pool2d(chances, 3, 1, 1)
        return {"logits": logits, "peaks": chances * (chances == highest), "boxes": boxes}


def doubled(features: Tensor) -> Tensor:
    """Twice as many places across and down; exported with fixed factors, whatever the batch."""
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")


def middles(size: tuple[int, int], stride: int) -> Tensor:
    """Across and down of the middle of each place, in pixels: (1, 2, H, W)."""
    height, width = (-(-side // stride) for side in size)
    down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (torch.stack([across, down]).float()[None] + 0.5) * stride


def _rare(layer: nn.Conv2d) -> nn.Conv2d:
    """Scores that begin low and alike."""
    nn.init.normal_(layer.weight, std=0.01)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, -math.log((1 - RARE) / RARE))
    return layer
