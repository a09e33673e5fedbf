"""One frame: the ground with shadows and headlights, what stands and drives on it, then air, rain and the sensor.

A `Stage` is a camera looking at a site under one light; it paints any number of moments and parts of its picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from slipway.training.world.air import add_fog, add_glows, add_rain
from slipway.training.world.bodies import mesh_of
from slipway.training.world.chance import Chance
from slipway.training.world.drawing import Canvas, Outline, Placed, depth_of, draw
from slipway.training.world.fleet import Vehicle
from slipway.training.world.ground import Backdrop, Image, backdrop, fill, ground_shape, lamp_level, lit
from slipway.training.world.light import Light
from slipway.training.world.optics import NEAR, Pinhole
from slipway.training.world.props import standing
from slipway.training.world.sensor import expose, half_size
from slipway.training.world.sites import CameraPlace, Point, Site
from slipway.training.world.traffic import Pose

BEAMS: Final = tuple((9.5 - 0.9 * step, 2.2 - 0.16 * step, 4 + step) for step in range(8))
"""Reach, half width at the end, and light of the nested parts of a headlight's beam."""


@dataclass(frozen=True)
class Seen:
    """A vehicle in a picture: its box in the picture's pixels and its true hidden share."""

    pose: Pose
    left: float
    top: float
    right: float
    bottom: float
    occlusion: float
    depth: float
    inside: float
    pixels: int


@dataclass(frozen=True)
class Stage:
    """A camera of a site under one light. `camera` is at twice the size of the pictures that come out."""

    site: Site
    place: CameraPlace
    camera: Pinhole
    light: Light
    vehicles: tuple[Vehicle, ...]
    chance: Chance

    @cached_property
    def _ground(self) -> tuple[Backdrop, Image]:
        view = backdrop(self.site, self.camera, self.chance.of("ground", self.site.name))
        picture = lit(self.site, self.camera, view, self.light)
        canvas = Canvas(picture, np.zeros(picture.shape[:2], np.uint8))
        for thing in _by_depth(self.camera, standing(self.site, background=True)):
            draw(canvas, self.camera, thing, self.light)
        return view, picture

    def paint(self, poses: Sequence[Pose], chance: Chance) -> tuple[Image, list[Seen]]:
        """The picture of a moment and what is seen in it."""
        picture, canvas = self.draw(poses, chance)
        return picture, _seen(canvas, poses)

    def draw(self, poses: Sequence[Pose], chance: Chance) -> tuple[Image, Canvas]:
        """The picture of a moment, and the canvas that says whose each of its pixels is."""
        view, ground = self._ground
        canvas = Canvas(ground.copy(), np.zeros(ground.shape[:2], np.uint8))
        _shade(canvas, self.camera, poses, self.vehicles, self.light)
        if self.light.headlights:
            _beams(canvas, self.camera, poses)
        things = [self._placed(number, pose) for number, pose in enumerate(poses, 1)]
        for thing in _by_depth(self.camera, things + standing(self.site, background=False)):
            draw(canvas, self.camera, thing, self.light)
        picture = half_size(canvas.colour)
        if self.light.fog:
            picture = add_fog(picture, view, canvas, self.light)
        picture = add_glows(picture, canvas, self.light)
        if self.light.rain:
            picture = add_rain(picture, self.light, chance.of("rain"))
        return expose(picture, self.place.sensor, self.light.name, chance.of("sensor")), canvas

    def _placed(self, number: int, pose: Pose) -> Placed:
        level = lamp_level(self.site, pose.x, pose.y, self.light.lamps) * 0.9
        return Placed(
            mesh_of(self.vehicles[pose.vehicle]), pose.x, pose.y, pose.along, number,
            (level * 0.72, level * 0.9, level), self.light.headlights and not pose.parked, pose.braking,
        )  # fmt: skip


def _by_depth(camera: Pinhole, things: list[Placed]) -> list[Placed]:
    return sorted(things, key=lambda thing: -depth_of(camera, thing.x, thing.y))


def _seen(canvas: Canvas, poses: Sequence[Pose]) -> list[Seen]:
    return [_seen_one(canvas, number, poses[number - 1], canvas.outlines[number]) for number in sorted(canvas.outlines)]


def _seen_one(canvas: Canvas, number: int, pose: Pose, outline: Outline) -> Seen:
    hidden = 1.0 - canvas.visible(number) / outline.pixels
    return Seen(
        pose, outline.left / 2, outline.top / 2, outline.right / 2, outline.bottom / 2,
        hidden, outline.depth, outline.inside, outline.pixels // 4,
    )  # fmt: skip


def _shade(canvas: Canvas, camera: Pinhole, poses: Sequence[Pose], vehicles: tuple[Vehicle, ...], light: Light) -> None:
    """Take light away under vehicles, and where they stand before the sun."""
    mask = np.zeros(canvas.owner.shape, np.uint8)
    for pose in poses:
        if depth_of(camera, pose.x, pose.y) < NEAR:
            continue
        vehicle = vehicles[pose.vehicle]
        if light.shadow:
            reach = min(2.2, 1.0 / max(light.sun[2], 0.2))
            shift = (-light.sun[0] * reach * vehicle.height * 0.8, -light.sun[1] * reach * vehicle.height * 0.8)
            foot = _foot(pose, vehicle, 0.0)
            away = [(x + shift[0], y + shift[1]) for x, y in _foot(pose, vehicle, -0.12)]
            _spread(mask, camera, _hull([*foot, *away]), light.shadow)
        _spread(mask, camera, _foot(pose, vehicle, 0.10), max(70, light.shadow))
        _spread(mask, camera, _foot(pose, vehicle, -0.10), max(120, light.shadow))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows):
        area = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        keep = (255 - mask[area]).astype(np.uint16)[..., None]
        canvas.colour[area] = (canvas.colour[area] * keep // 255).astype(np.uint8)


def _beams(canvas: Canvas, camera: Pinhole, poses: Sequence[Pose]) -> None:
    """Light on the ground before vehicles that drive."""
    mask = np.zeros(canvas.owner.shape, np.uint8)
    for pose in poses:
        if pose.parked:
            continue
        (hx, hy) = pose.along
        for reach, half, power in BEAMS:
            wide, end = 1.9 + reach * 0.8, 1.9 + reach
            outline = ((1.9, 0.7), (1.9, -0.7), (wide, -half), (end, 0.0), (wide, half))
            corners = [(pose.x + hx * a - hy * b, pose.y + hy * a + hx * b) for a, b in outline]
            shape = ground_shape(camera, corners)
            if shape is not None:
                one = np.zeros_like(mask)
                fill(one, shape, power)
                mask += one
    if mask.any():
        gain = 256 + 6 * mask.astype(np.uint32)[..., None]
        lift = (mask >> 3)[..., None]
        canvas.colour[:] = np.minimum((canvas.colour * gain >> 8) + lift, 255).astype(np.uint8)


def _foot(pose: Pose, vehicle: Vehicle, margin: float) -> list[Point]:
    (hx, hy), half, wide = pose.along, vehicle.length / 2 + margin, vehicle.width / 2 + margin
    signs = ((1, 1), (1, -1), (-1, -1), (-1, 1))
    return [(pose.x + hx * half * a - hy * wide * b, pose.y + hy * half * a + hx * wide * b) for a, b in signs]


def _spread(mask: Image, camera: Pinhole, corners: list[Point], value: int) -> None:
    shape = ground_shape(camera, corners)
    if shape is not None:
        part = cv2.boundingRect(shape >> 4)
        x0, y0 = max(0, part[0] - 1), max(0, part[1] - 1)
        x1, y1 = min(mask.shape[1], part[0] + part[2] + 2), min(mask.shape[0], part[1] + part[3] + 2)
        if x1 > x0 and y1 > y0:
            one = np.zeros((y1 - y0, x1 - x0), np.uint8)
            fill(one, shape - np.array([x0 * 16, y0 * 16], np.int32), value)
            np.maximum(mask[y0:y1, x0:x1], one, out=mask[y0:y1, x0:x1])


def _hull(points: list[Point]) -> list[Point]:
    """The convex outline of points."""
    ordered = sorted(set(points))
    lower, upper = _chain(ordered), _chain(ordered[::-1])
    return lower[:-1] + upper[:-1]


def _chain(points: list[Point]) -> list[Point]:
    chain: list[Point] = []
    for point in points:
        while len(chain) > 1 and _turns_right(chain[-2], chain[-1], point):
            chain.pop()
        chain.append(point)
    return chain


def _turns_right(a: Point, b: Point, c: Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0
