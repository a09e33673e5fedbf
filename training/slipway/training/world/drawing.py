"""Bodies into a picture, the farther before the nearer, with a second picture that says whose each pixel is.

Counting a body's pixels alone and after everything else is drawn gives its true hidden share.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.training.world.ground import Image, fill, fixed
from slipway.training.world.light import Light
from slipway.training.world.optics import NEAR, Array, Pinhole, Vector, dot
from slipway.training.world.shapes import COARSE, FINE, FRONT_LAMP, GLASS, REAR_LAMP, Mesh, Part, Patch
from slipway.training.world.sites import Point

FINE_SCALE: Final = 52.0
"""Pixels in a metre from which fine marks are drawn."""
LIT_LAMP: Final = (250, 252, 255)
LIT_TAIL: Final = (36, 30, 215)
LIT_BRAKE: Final = (56, 46, 255)
SKY_IN_GLASS: Final = 0.35


@dataclass(frozen=True)
class Placed:
    """A mesh at a place of the ground."""

    mesh: Mesh
    x: float
    y: float
    along: Point
    number: int
    """Whose pixels they are; 0 is nobody's."""
    level: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Light of lamps that falls on it."""
    lamps_on: bool = False
    braking: bool = False


@dataclass
class Outline:
    """What of a body is inside the picture."""

    left: float
    top: float
    right: float
    bottom: float
    pixels: int
    depth: float
    inside: float
    """The share of its whole extent that the picture holds."""


@dataclass
class Canvas:
    """A picture in the making, at twice the size of the result."""

    colour: Image
    owner: Image
    outlines: dict[int, Outline] = field(default_factory=dict)
    glows: list[tuple[float, float, float, str]] = field(default_factory=list)

    def visible(self, number: int) -> int:
        """How many pixels of a body are seen in the end."""
        outline = self.outlines[number]
        area = self.owner[int(outline.top) : int(outline.bottom) + 2, int(outline.left) : int(outline.right) + 2]
        return int(np.count_nonzero(area == number))


@dataclass(frozen=True)
class _Pen:
    """What the patches of one body are drawn with."""

    canvas: Canvas
    mask: Image
    corner: npt.NDArray[np.int32]
    points: npt.NDArray[np.int32]
    placed: Placed
    light: Light
    fine: bool


def depth_of(camera: Pinhole, x: float, y: float) -> float:
    """How far before a camera a point of the ground is."""
    return dot((x - camera.position[0], y - camera.position[1], -camera.position[2]), camera.forward)


def draw(canvas: Canvas, camera: Pinhole, placed: Placed, light: Light) -> None:
    """Draw a body over what is there."""
    u, v, depth = _project(camera, placed)
    nearest = float(depth.min())
    height, width = canvas.owner.shape
    left, right, top, bottom = float(u.min()), float(u.max()), float(v.min()), float(v.max())
    if nearest < NEAR or right <= 0 or bottom <= 0 or left >= width or top >= height:
        return
    x0, y0 = max(0, int(left)), max(0, int(top))
    x1, y1 = min(width, int(right) + 2), min(height, int(bottom) + 2)
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    points, corner = fixed(u, v), np.array([x0 * 16, y0 * 16], np.int32)
    pen = _Pen(canvas, mask, corner, points, placed, light, camera.focal / nearest > FINE_SCALE)
    eye = _into(placed, camera.position)
    sun = _turned(placed, light.sun)
    for part in sorted(placed.mesh.parts, key=lambda part: (part.layer, -_distance(part, eye))):
        _draw_part(pen, part, eye, sun)
    drawn = mask > 0
    canvas.owner[y0:y1, x0:x1][drawn] = placed.number
    if placed.number:
        columns, rows = np.flatnonzero(drawn.any(axis=0)), np.flatnonzero(drawn.any(axis=1))
        if len(columns):
            canvas.outlines[placed.number] = Outline(
                float(x0 + columns[0]), float(y0 + rows[0]), float(x0 + columns[-1] + 1), float(y0 + rows[-1] + 1),
                int(np.count_nonzero(drawn)), depth_of(camera, placed.x, placed.y),
                _share_inside((left, right), width) * _share_inside((top, bottom), height),
            )  # fmt: skip
    if placed.lamps_on or placed.braking:
        _glow(canvas, camera, placed, eye)


def _share_inside(extent: tuple[float, float], size: int) -> float:
    low, high = extent
    return (min(float(size), high) - max(0.0, low)) / (high - low)


def _project(camera: Pinhole, placed: Placed) -> tuple[Array, Array, Array]:
    mesh, (hx, hy) = placed.mesh, placed.along
    return camera.project(placed.x + hx * mesh.x - hy * mesh.y, placed.y + hy * mesh.x + hx * mesh.y, mesh.z)


def _into(placed: Placed, point: Vector) -> Vector:
    """A point in the body's own coordinates."""
    return _turned(placed, (point[0] - placed.x, point[1] - placed.y, point[2]))


def _turned(placed: Placed, vector: Vector) -> Vector:
    (hx, hy), (x, y, z) = placed.along, vector
    return hx * x + hy * y, hx * y - hy * x, z


def _distance(part: Part, eye: Vector) -> float:
    dx, dy, dz = (a - b for a, b in zip(part.centre, eye, strict=True))
    return dx * dx + dy * dy + dz * dz


def _draw_part(pen: _Pen, part: Part, eye: Vector, sun: Vector) -> None:
    for face in part.faces:
        towards = (eye[0] - face.anchor[0], eye[1] - face.anchor[1], eye[2] - face.anchor[2])
        if dot(face.normal, towards) <= 0:
            continue
        facing = max(0.0, dot(face.normal, sun))
        tilt = 0.86 + 0.14 * face.normal[2]
        light, level = pen.light, pen.placed.level
        shade = [
            light.ambient[c] * tilt + light.direct[c] * facing + level[c] * (0.55 + 0.45 * face.normal[2])
            for c in range(3)
        ]
        corners = _fill(pen, face.patch, shade)
        fill(pen.mask, corners - pen.corner, 255)
        for mark in face.marks:
            if mark.finish != (COARSE if pen.fine else FINE):
                _fill(pen, mark, shade)


def _fill(pen: _Pen, patch: Patch, shade: list[float]) -> npt.NDArray[np.int32]:
    corners = pen.points[patch.corners[0] : patch.corners[-1] + 1]
    fill(pen.canvas.colour, corners, _tone(pen, patch, shade))
    return corners


def _tone(pen: _Pen, patch: Patch, shade: list[float]) -> tuple[int, int, int]:
    placed, light = pen.placed, pen.light
    if patch.finish == FRONT_LAMP and placed.lamps_on:
        return LIT_LAMP
    if patch.finish == REAR_LAMP and (placed.braking or placed.lamps_on):
        return LIT_BRAKE if placed.braking else LIT_TAIL
    sky = SKY_IN_GLASS if patch.finish == GLASS else 0.0
    blue, green, red = (
        min(255, int(patch.colour[c] * shade[c] + light.sky_high[c] * sky * light.ambient[c])) for c in range(3)
    )
    return blue, green, red


def _glow(canvas: Canvas, camera: Pinhole, placed: Placed, eye: Vector) -> None:
    """Remember the lamps that shine towards the camera."""
    (hx, hy) = placed.along
    for (x, y, z), finish in placed.mesh.lamps:
        shines = placed.lamps_on if finish == FRONT_LAMP else True
        ahead = (eye[0] - x) * (1 if finish == FRONT_LAMP else -1)
        if not shines or ahead <= 0:
            continue
        place = (np.array([placed.x + hx * x - hy * y]), np.array([placed.y + hy * x + hx * y]), np.array([z]))
        u, v, depth = (float(value[0]) for value in camera.project(*place))
        row, column = int(v), int(u)
        inside = 0 <= row < canvas.owner.shape[0] and 0 <= column < canvas.owner.shape[1]
        if inside and depth > NEAR and canvas.owner[row, column] == placed.number:
            canvas.glows.append(
                (u, v, camera.focal / depth, "brake" if finish == REAR_LAMP and placed.braking else finish)
            )
