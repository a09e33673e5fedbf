"""Changing the images of a batch at random, each by its own seed and by nothing else.

A sample's seed is a function of the run's seed, the step, the sample and its place in the batch of all processes. So a
resumed run changes an image as the uninterrupted one did, whatever the threads do and however many processes there are.
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from slipway.platform.errors import WrongUse
from slipway.training.reading.philox import MASK, Integers, Words, key_of, numbers, uniform
from slipway.training.reading.pixels import Pixels, Size

CROP_Y, CROP_X, FLIP, BRIGHTNESS = range(4)
LEVELS = np.arange(256, dtype=np.float64)


class Augmentation(Protocol):
    """A change of images that keeps them uint8."""

    @property
    def seed(self) -> int:
        """What all its random numbers come from."""

    def size(self, size: Size) -> Size:
        """Height and width after the change; a `WrongUse` where it cannot be made."""

    def apply(self, images: Pixels, seeds: Words, out: Pixels) -> None:
        """Write the changed `images` to `out`; each depends on its own seed alone."""


def sample_seeds(seed: int, step: int, rows: Integers, places: Integers) -> Words:
    """A seed for each sample of a step's batch."""
    return numbers(key_of(seed, "augmentation", step), rows.astype(np.uint64) & MASK, places)


@dataclass(frozen=True, kw_only=True)
class Simple:
    """A random window, a mirror image, a brighter or darker one; each is off unless asked for."""

    seed: int
    window: Size | None = None
    flip: float = 0.0
    """How probable the mirror image is."""
    brightness: float = 0.0
    """The greatest change of brightness, as a share."""

    def size(self, size: Size) -> Size:
        if self.window is None:
            return size
        if self.window[0] > size[0] or self.window[1] > size[1]:
            raise WrongUse(f"A window of {self.window} does not fit into images of {size}.")
        return self.window

    def apply(self, images: Pixels, seeds: Words, out: Pixels) -> None:
        height, width = out.shape[1:3]
        tops = _choices(seeds, CROP_Y, images.shape[1] - height + 1)
        lefts = _choices(seeds, CROP_X, images.shape[2] - width + 1)
        flips = uniform(seeds, FLIP) < self.flip
        tables = self._tables(seeds)
        for image, top, left, flip, table, target in zip(images, tops, lefts, flips, tables, out, strict=True):
            changed = image[top : top + height, left : left + width]
            if self.brightness:
                changed = cv2.LUT(changed, table)
            target[...] = changed[:, ::-1] if flip else changed

    def _tables(self, seeds: Words) -> npt.NDArray[np.uint8]:
        """For each sample what becomes of each level."""
        gains = 1 + self.brightness * (2 * uniform(seeds, BRIGHTNESS) - 1)
        return np.clip(np.rint(gains[:, None] * LEVELS), 0, 255).astype(np.uint8)


def _choices(seeds: Words, draw: int, count: int) -> list[int]:
    """A number below `count` for each seed."""
    return [int(value) for value in (uniform(seeds, draw) * count)]
