"""Bodies made of flat convex faces, each with marks on it: windows, lamps, wheels, decals.

A face is seen when the camera is on its outer side; its marks are drawn over it in their order. Parts of a mesh are
drawn by layer, then the farther before the nearer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from slipway.training.world.optics import Array, Vector, cross, dot, unit

Colour = tuple[int, int, int]

MATTE: Final = "matte"
GLASS: Final = "glass"
FRONT_LAMP: Final = "front lamp"
REAR_LAMP: Final = "rear lamp"
FINE: Final = "fine"
"""Matte, and drawn only where it can be made out."""
COARSE: Final = "coarse"
"""Matte, and drawn only where the fine marks are not."""


@dataclass(frozen=True)
class Patch:
    """A flat convex area of one colour, by the numbers of its corners."""

    corners: tuple[int, ...]
    colour: Colour
    finish: str


@dataclass(frozen=True)
class Face:
    """An outer side of a part."""

    patch: Patch
    normal: Vector
    anchor: Vector
    marks: tuple[Patch, ...]


@dataclass(frozen=True)
class Part:
    """A convex piece of a mesh."""

    layer: int
    centre: Vector
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Mesh:
    """A body in its own coordinates: x ahead, y to the left, z up."""

    x: Array
    y: Array
    z: Array
    parts: tuple[Part, ...]
    lamps: tuple[tuple[Vector, str], ...] = ()
    """Where light comes out, and of which finish it is."""


@dataclass
class Side:
    """A face that is being made."""

    corners: Sequence[Vector]
    colour: Colour
    finish: str = MATTE
    marks: list[tuple[Sequence[Vector], Colour, str]] = field(default_factory=list)

    def mark(self, corners: Sequence[Vector], colour: Colour, finish: str = MATTE) -> None:
        """Add a mark on top of those before."""
        self.marks.append((corners, colour, finish))

    def inset(self, left: float, right: float, low: float, high: float) -> list[Vector]:
        """A part of a face of four corners, in shares of its width and height."""
        return [self._within(u, v) for u, v in ((left, low), (right, low), (right, high), (left, high))]

    def _within(self, u: float, v: float) -> Vector:
        a, b, c, d = self.corners
        low = [p + (q - p) * u for p, q in zip(a, b, strict=True)]
        high = [p + (q - p) * u for p, q in zip(d, c, strict=True)]
        x, y, z = (p + (q - p) * v for p, q in zip(low, high, strict=True))
        return x, y, z


class MeshBuilder:
    """Collects parts and gives their corners numbers."""

    def __init__(self) -> None:
        self._points: list[Vector] = []
        self._parts: list[Part] = []
        self.lamps: list[tuple[Vector, str]] = []

    def part(self, layer: int, sides: Iterable[Side]) -> None:
        """Add a convex part; which side of a face is out follows from the part's middle."""
        sides = list(sides)
        corners = [corner for side in sides for corner in side.corners]
        x, y, z = ((min(values) + max(values)) / 2 for values in zip(*corners, strict=True))
        self._parts.append(Part(layer, (x, y, z), tuple(self._face(side, (x, y, z)) for side in sides)))

    def build(self) -> Mesh:
        """The finished body."""
        x, y, z = (np.array(values, np.float64) for values in zip(*self._points, strict=True))
        return Mesh(x, y, z, tuple(self._parts), tuple(self.lamps))

    def _face(self, side: Side, middle: Vector) -> Face:
        a, b, c = side.corners[:3]
        normal = unit(cross(_minus(b, a), _minus(c, a)))
        outward = _minus(a, middle)
        if dot(normal, outward) < 0:
            normal = (-normal[0], -normal[1], -normal[2])
        marks = tuple(self._patch(*mark) for mark in side.marks)
        return Face(self._patch(side.corners, side.colour, side.finish), normal, a, marks)

    def _patch(self, corners: Sequence[Vector], colour: Colour, finish: str) -> Patch:
        first = len(self._points)
        self._points.extend(corners)
        return Patch(tuple(range(first, len(self._points))), colour, finish)


def prism(profile: Sequence[tuple[float, float]], half: float, colour: Colour) -> tuple[Side, Side, list[Side]]:
    """A convex outline of (x, z) drawn out to both sides: its left side, its right side, and the strips between."""
    left = Side([(x, half, z) for x, z in profile], colour)
    right = Side([(x, -half, z) for x, z in profile], colour)
    around = [*profile, profile[0]]
    strips = [
        Side([(ax, half, az), (ax, -half, az), (bx, -half, bz), (bx, half, bz)], colour)
        for (ax, az), (bx, bz) in pairwise(around)
    ]
    return left, right, strips


def frustum(
    low: tuple[float, float, float, float], high: tuple[float, float, float, float], colour: Colour
) -> list[Side]:
    """Front, rear, left, right and top of a body that narrows upwards: each end as (rear, front, half width, z)."""
    (lr, lf, lw, lz), (hr, hf, hw, hz) = low, high
    return [
        Side([(lf, lw, lz), (lf, -lw, lz), (hf, -hw, hz), (hf, hw, hz)], colour),
        Side([(lr, -lw, lz), (lr, lw, lz), (hr, hw, hz), (hr, -hw, hz)], colour),
        Side([(lr, lw, lz), (lf, lw, lz), (hf, hw, hz), (hr, hw, hz)], colour),
        Side([(lf, -lw, lz), (lr, -lw, lz), (hr, -hw, hz), (hf, -hw, hz)], colour),
        Side([(hr, hw, hz), (hf, hw, hz), (hf, -hw, hz), (hr, -hw, hz)], colour),
    ]


def block(x: float, y: float, size: tuple[float, float], low: float, high: float, colour: Colour) -> list[Side]:
    """A box that stands at a point."""
    half, wide = size[0] / 2, size[1] / 2
    sides = frustum((-half, half, wide, low), (-half, half, wide, high), colour)
    for side in sides:
        side.corners = [(cx + x, cy + y, z) for cx, cy, z in side.corners]
    return sides


def _minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]
