"""Patches as another camera, another day or another aim would show them; each by its own seed alone."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slipway.training.models.bay_occupancy.config import AugmentationConfig
from slipway.training.reading.philox import Words, uniform

FLIP, TOP, LEFT, BRIGHTNESS, HAZE, TINT = range(6)


def changed(images: Tensor, seeds: Words, config: AugmentationConfig) -> Tensor:
    """uint8 patches to uint8 patches."""
    return _relit(_moved(images, seeds, config), seeds, config)


def _moved(images: Tensor, seeds: Words, config: AugmentationConfig) -> Tensor:
    """Shifted, with the edge repeated, and mirrored."""
    height, width = images.shape[-2:]
    down = _whole(seeds, TOP, config.shift)
    right = _whole(seeds, LEFT, config.shift)
    rows = (np.arange(height) + down[:, None]).clip(0, height - 1)
    columns = (np.arange(width) + right[:, None]).clip(0, width - 1)
    mirrored = uniform(seeds, FLIP) < config.flip
    columns[mirrored] = columns[mirrored, ::-1]
    number = torch.arange(len(images))[:, None, None]
    pixels = images.permute(0, 2, 3, 1)
    found = pixels[number, torch.from_numpy(rows)[:, :, None], torch.from_numpy(columns)[:, None, :]]
    return found.permute(0, 3, 1, 2)


def _relit(images: Tensor, seeds: Words, config: AugmentationConfig) -> Tensor:
    """Brighter or darker, tinted, and hazy."""
    light = 1 + config.brightness * _signed(seeds, BRIGHTNESS)
    tint = 1 + config.tint * np.stack([_signed(seeds, TINT + colour) for colour in range(3)], axis=1)
    haze = config.haze * uniform(seeds, HAZE)
    gain = _column((light * (1 - haze))[:, None] * tint)
    veil = _column((haze * 180.0)[:, None])
    return torch.addcmul(veil, images.float(), gain).round_().clamp_(0, 255).to(torch.uint8)


def _signed(seeds: Words, draw: int) -> npt.NDArray[np.float64]:
    """From -1 to 1."""
    return 2 * uniform(seeds, draw) - 1


def _whole(seeds: Words, draw: int, most: int) -> npt.NDArray[np.int64]:
    """A whole number from -most to most."""
    return (uniform(seeds, draw) * (2 * most + 1)).astype(np.int64) - most


def _column(values: npt.NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[:, :, None, None]
