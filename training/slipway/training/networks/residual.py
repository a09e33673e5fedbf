"""Residual networks: a stem, then stages of which each halves the image and has its own width.

The stem has a stride of 2 already, which on a processor saves most of the time. Every stage's features are given, so
that a recogniser takes the last and a detector the finer ones.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from slipway.training.networks.sharing import SharedBatchNorm

NARROW: Final = 16
"""Channels below which torch's strided 1 x 1 convolution writes beyond its memory on processors (2.13, oneDNN)."""


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride=stride)
        self.second = convolution(outputs, outputs, active=False)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else _shortcut(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.second(self.first(features)) + self.shortcut(features)
        return torch.relu(changed)


class Residual(nn.Module):
    """Features of every stage, from fine to coarse; stage `i` has `2 ** (i + 2)` pixels of the image in one place."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int], stem: int = 16) -> None:
        super().__init__()
        self.stem = convolution(3, stem, stride=2)
        inputs = [stem, *widths]
        self.stages = nn.ModuleList(
            nn.Sequential(
                Block(before, width, stride=2),
                *(Block(width, width, stride=1) for _ in range(depth - 1)),
            )
            for before, width, depth in zip(inputs, widths, depths, strict=False)
        )
        self.channels = tuple(widths)

    def forward(self, images: Tensor) -> list[Tensor]:
        """From normalised images."""
        features = self.stem(images)
        stages = []
        for stage in self.stages:
            features = stage(features)
            stages.append(features)
        return stages


class Thinned(nn.Module):
    """Every `stride`th place of every `stride`th line."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, features: Tensor) -> Tensor:
        return features[:, :, :: self.stride, :: self.stride]


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """A convolution of single places, of as many as the block gives."""
    if inputs >= NARROW:
        return convolution(inputs, outputs, size=1, stride=stride, active=False)
    return nn.Sequential(Thinned(stride), *convolution(inputs, outputs, size=1, active=False))


def convolution(inputs: int, outputs: int, *, size: int = 3, stride: int = 1, active: bool = True) -> nn.Sequential:
    """A convolution without bias, normalised, and cut off below 0 if `active`."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        SharedBatchNorm(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if active else []))
