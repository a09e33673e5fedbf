"""The baseline: how much of a picture has which colour, without any learning.

Hue and saturation are counted in the middle of the picture, where the vehicle is, grey and dark pixels by their
brightness apart, as is usual. The square roots of the shares make the product of two vectors Bhattacharyya's
coefficient, the likeness of two distributions.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from slipway.training.reading.pixels import Pixels
from slipway.training.reading.source import Source, pieces

HUES: Final = 24
SATURATIONS: Final = 4
VALUES: Final = 16
GREYISH: Final = 40
"""Saturation, of 255, under which a hue means nothing."""
MARGIN: Final = 0.2
"""Share of each side that is left out."""

Floats = npt.NDArray[np.float32]


def histograms(source: Source) -> Floats:
    """A vector of length 1 for every row."""
    return np.stack([histogram(image) for pixels in pieces(source) for image in pixels])


def histogram(image: Pixels) -> Floats:
    """Square roots of the share of each colour."""
    height, width = image.shape[:2]
    top, left = int(MARGIN * height), int(MARGIN * width)
    middle = np.ascontiguousarray(image[top : height - top, left : width - left])
    colours = cv2.cvtColor(middle, cv2.COLOR_RGB2HSV).reshape(-1, 3).astype(np.int64)
    hue, saturation, value = colours[:, 0], colours[:, 1], colours[:, 2]
    coloured = saturation >= GREYISH
    colour = (hue * HUES // 180) * SATURATIONS + saturation * SATURATIONS // 256
    grey = HUES * SATURATIONS + value * VALUES // 256
    counts = np.bincount(np.where(coloured, colour, grey), minlength=HUES * SATURATIONS + VALUES)
    return np.asarray(np.sqrt(counts / counts.sum()), np.float32)
