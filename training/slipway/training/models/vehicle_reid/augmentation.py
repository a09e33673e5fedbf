"""Changing a batch of pictures at random, each by its own seed alone; pixels stay uint8.

Geometry is one gathering of pixels: a mirror image, a shift, a zoom. Light is one straight line for each colour of each
picture: contrast, brightness, tint. Erasing hides a rectangle behind grey, as a pillar or another vehicle would.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slipway.training.models.vehicle_reid.config import AugmentationConfig
from slipway.training.reading.philox import Words, uniform

Floats = npt.NDArray[np.float64]

FLIP, DOWN, RIGHT, ZOOM, CONTRAST, BRIGHTNESS, ERASE, TALL, WIDE, TOP, LEFT, TINT = range(12)
GREY: Final = 127
SHARES: Final = (0.15, 0.45)
"""The least and the greatest side of a hidden rectangle, as a share of the picture's."""


def changed(images: Tensor, seeds: Words, config: AugmentationConfig) -> Tensor:
    """The batch as another moment or camera might have shown it."""
    moved = _moved(images, seeds, config)
    return _hidden(_lit(moved, seeds, config), seeds, config)


def _moved(images: Tensor, seeds: Words, config: AugmentationConfig) -> Tensor:
    """Mirrored, shifted and zoomed; what lies beyond an edge is the edge again."""
    height, width = images.shape[2:]
    zoom = 1 + config.zoom * _around(seeds, ZOOM)
    flipped = torch.from_numpy(uniform(seeds, FLIP) < config.flip)
    y = _lines(height, zoom, config.shift * _around(seeds, DOWN))
    x = _lines(width, zoom, config.shift * _around(seeds, RIGHT))
    x = torch.where(flipped[:, None], x.flip(1), x)
    picture = torch.arange(len(images))[:, None, None]
    return images.permute(0, 2, 3, 1)[picture, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)


def _lines(length: int, zoom: Floats, shift: Floats) -> Tensor:
    """For each picture, the line that is shown in each place."""
    centre = (length - 1) / 2
    lines = (np.arange(length) - centre) * zoom[:, None] + centre + shift[:, None]
    return torch.from_numpy(np.rint(lines).clip(0, length - 1).astype(np.int64))


def _lit(images: Tensor, seeds: Words, config: AugmentationConfig) -> Tensor:
    """Another contrast, brightness and tint."""
    tint = np.stack([_around(seeds, TINT + colour) for colour in range(3)], axis=1)
    bright = 1 + config.brightness * _around(seeds, BRIGHTNESS)
    contrast = 1 + config.contrast * _around(seeds, CONTRAST)
    gain = contrast[:, None] * bright[:, None] * (1 + config.tint * tint)
    offset = GREY * (1 - contrast)
    lit = images * _broadcast(gain) + _broadcast(offset[:, None])
    return lit.round_().clamp_(0, 255).to(torch.uint8)


def _hidden(images: Tensor, seeds: Words, config: AugmentationConfig) -> Tensor:
    """Some pictures lose a rectangle."""
    here = uniform(seeds, ERASE) < config.erase
    rows = _within(images.shape[2], uniform(seeds, TALL), uniform(seeds, TOP))
    columns = _within(images.shape[3], uniform(seeds, WIDE), uniform(seeds, LEFT))
    mask = torch.from_numpy(here[:, None, None] & rows[:, :, None] & columns[:, None, :])
    return images.masked_fill(mask[:, None], GREY)


def _within(length: int, share: Floats, place: Floats) -> npt.NDArray[np.bool_]:
    """For each picture, which of its lines lie in the rectangle."""
    size = (SHARES[0] + (SHARES[1] - SHARES[0]) * share) * length
    begin = place * (length - size)
    lines = np.arange(length)
    return (lines >= begin[:, None]) & (lines < (begin + size)[:, None])


def _around(seeds: Words, draw: int) -> Floats:
    """Numbers from -1 to 1."""
    return 2 * uniform(seeds, draw) - 1


def _broadcast(values: Floats) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, :, None, None]
