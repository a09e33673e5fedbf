"""The baseline: the density of edges in the middle of a patch, and a threshold that training images set.

An empty bay is a flat piece of ground; a vehicle has outlines. One number for each patch and a logistic curve over it
is what can be had without learning to see.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from slipway.training.reading.pixels import Pixels
from slipway.training.reading.source import Source, pieces

EDGE: Final = 0.8
"""Sobel's response, as a share of the patch's brightness, from which a pixel belongs to an edge."""
DARKEST: Final = 8.0
"""Brightness below which a patch counts as this bright: there is nothing but noise."""
BORDER: Final = 0.1
"""Share of the patch on each side that belongs to the neighbours."""
STEPS: Final = 50
RIDGE: Final = 1e-3

Floats = npt.NDArray[np.float64]


def edge_density(source: Source) -> Floats:
    """The share of pixels on edges, for each patch."""
    return np.array([_density(patch) for pixels in pieces(source) for patch in pixels])


def _density(patch: Pixels) -> float:
    height, width = patch.shape[:2]
    top, left = int(height * BORDER), int(width * BORDER)
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey /= max(DARKEST, float(grey.mean()))
    strength = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return float(np.mean(strength[top : height - top, left : width - left] > EDGE))


def fitted(density: Floats, occupied: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Offset and slope of the logistic curve that fits best, by Newton's method."""
    inputs = np.stack([np.ones(len(density)), density], axis=1)
    curve = np.zeros(2)
    for _ in range(STEPS):
        said = logistic(inputs @ curve)
        slope = inputs.T @ (said - occupied) + RIDGE * curve
        bend = (inputs * (said * (1 - said))[:, None]).T @ inputs + RIDGE * np.eye(2)
        curve -= np.linalg.solve(bend, slope)
    return float(curve[0]), float(curve[1])


def logistic(values: Floats) -> Floats:
    """From any number to a probability."""
    return np.asarray(1 / (1 + np.exp(-values)), np.float64)
