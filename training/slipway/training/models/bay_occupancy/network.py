"""The network: residual stages over the patch, and a head that keeps apart where something was seen.

A vehicle in the neighbouring bay looks like one in this bay but for its place; so the head does not average places.
"""

import torch
from torch import Tensor, nn

from slipway.training.losses.classes import LOGITS
from slipway.training.models.bay_occupancy.config import NetworkConfig
from slipway.training.networks.residual import Residual, convolution
from slipway.training.networks.sharing import normalised


class OccupancyNetwork(nn.Module):
    """uint8 patches to a raw score for each state."""

    def __init__(self, config: NetworkConfig, states: int) -> None:
        super().__init__()
        places = (config.size // 2 ** (len(config.widths) + 1)) ** 2
        self.backbone = Residual(config.widths, config.depths, config.stem)
        self.narrow = convolution(config.widths[-1], config.head, size=1)
        self.drop = nn.Dropout(config.dropout)
        self.score = nn.Linear(config.head * places, states)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.narrow(self.backbone(normalised(images))[-1])
        return {LOGITS: self.score(self.drop(torch.flatten(features, 1)))}
