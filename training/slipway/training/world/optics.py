"""Pinhole cameras on a metric ground plane: x and y in metres on the ground, z up.

Only sums, products, quotients and square roots, each rounded the same on every processor.
"""

from dataclasses import dataclass, replace
from math import sqrt
from typing import Final, Self

import numpy as np
import numpy.typing as npt

Vector = tuple[float, float, float]
Array = npt.NDArray[np.float64]

NEAR: Final = 0.4
"""Metres before the camera in which nothing is drawn."""


@dataclass(frozen=True)
class Pinhole:
    """Where a camera is, how it is turned, and what part of its picture is looked at."""

    position: Vector
    right: Vector
    down: Vector
    forward: Vector
    focal: float
    """In pixels of the picture that is drawn."""
    centre: tuple[float, float]
    size: tuple[int, int]
    """Width and height of the picture that is drawn."""

    @classmethod
    def towards(cls, position: Vector, target: Vector, focal: float, size: tuple[int, int]) -> Self:
        """A camera that looks at a point, held level."""
        forward = unit(tuple(t - p for t, p in zip(target, position, strict=True)))
        right = unit((forward[1], -forward[0], 0.0))
        down = cross(forward, right)
        return cls(position, right, down, forward, focal, (size[0] / 2, size[1] / 2), size)

    def window(self, left: float, top: float, scale: float, size: tuple[int, int]) -> Self:
        """The same camera, reading out a part of its picture in another resolution."""
        centre = ((self.centre[0] - left) * scale, (self.centre[1] - top) * scale)
        return replace(self, focal=self.focal * scale, centre=centre, size=size)

    def project(self, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        """Pixels and depth of points; what lies behind the camera has a depth below `NEAR` and no use."""
        dx, dy, dz = x - self.position[0], y - self.position[1], z - self.position[2]
        depth = dx * self.forward[0] + dy * self.forward[1] + dz * self.forward[2]
        scale = self.focal / np.maximum(depth, NEAR)
        across = dx * self.right[0] + dy * self.right[1] + dz * self.right[2]
        along = dx * self.down[0] + dy * self.down[1] + dz * self.down[2]
        return self.centre[0] + across * scale, self.centre[1] + along * scale, depth

    def ground(self) -> tuple[Array, Array, Array]:
        """Where each pixel's ray meets the ground, and its depth there; above the horizon the depth is 0."""
        u = ((np.arange(self.size[0]) + 0.5) - self.centre[0]) / self.focal
        v = (((np.arange(self.size[1]) + 0.5) - self.centre[1]) / self.focal)[:, None]
        fall = -(self.forward[2] + u * self.right[2] + v * self.down[2])
        below = fall > 1e-4  # noqa: PLR2004 - a ray this flat meets the ground beyond anything that is drawn
        depth = np.where(below, self.position[2] / np.where(below, fall, 1.0), 0.0)
        x = self.position[0] + depth * (self.forward[0] + u * self.right[0] + v * self.down[0])
        y = self.position[1] + depth * (self.forward[1] + u * self.right[1] + v * self.down[1])
        return x, y, depth


def unit(vector: tuple[float, ...]) -> Vector:
    """A vector of three at length 1."""
    x, y, z = vector
    length = sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


def cross(a: Vector, b: Vector) -> Vector:
    """The vector that stands on both."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def dot(a: Vector, b: Vector) -> float:
    """Their product, added up in one order on every version of Python."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def heading(x: float, y: float) -> tuple[float, float]:
    """A direction on the ground at length 1."""
    length = sqrt(x * x + y * y)
    return x / length, y / length
