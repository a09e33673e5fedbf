"""The ground as a camera sees it: asphalt with grain and stains, markings, what surrounds it, and the sky above.

What does not move is painted once for a camera and a light; only shadows and headlights are added for each frame.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from slipway.training.world.chance import Chance, cell_hash
from slipway.training.world.light import Light
from slipway.training.world.optics import NEAR, Array, Pinhole
from slipway.training.world.sites import AISLE_HALF, BAY_DEPTH, Point, Site

Image = npt.NDArray[np.uint8]

LINE: Final = (206, 210, 212)
ARROW: Final = (196, 200, 202)
KERB: Final = (150, 150, 148)
STOP: Final = (60, 190, 226)
SHIFT: Final = 4
"""Bits after the point in the coordinates that OpenCV fills between."""
REACH: Final = 8000.0
GRAIN: Final = 14.0
"""Cells of asphalt in a metre."""


@dataclass(frozen=True)
class Backdrop:
    """What stays the same in front of a camera: its ground without light, and how far away it is."""

    x: Array
    y: Array
    depth: Array
    albedo: Image


def backdrop(site: Site, camera: Pinhole, chance: Chance) -> Backdrop:
    """Paint the ground of a site, still without light."""
    x, y, depth = camera.ground()
    far = np.minimum(depth, 400.0)
    x, y = np.where(depth > 0, x, 0.0), np.where(depth > 0, y, 0.0)
    grain = _cells(x, y, GRAIN, 1).astype(np.int16) - 128
    patches = _cells(x, y, 0.45, 2).astype(np.int16) - 128
    west, south, east, north = site.edges
    inside = (x > west) & (x < east) & (y > south) & (y < north)
    kerb = ~inside & (x > west - 0.3) & (x < east + 0.3) & (y > south - 0.3) & (y < north + 0.3)
    tone = np.where(inside, (grain >> 3) + (patches >> 4), (grain >> 2) + (patches >> 3))
    albedo = np.empty((*depth.shape, 3), np.uint8)
    for channel in range(3):
        base = np.where(inside, site.asphalt[channel], np.where(kerb, KERB[channel], site.surroundings[channel]))
        albedo[..., channel] = np.clip(base + np.where(far > 45.0, tone >> 1, tone), 8, 247)  # noqa: PLR2004 - beyond it grain only flickers
    _stains(albedo, camera, site, chance.of("stains"))
    _markings(albedo, camera, site)
    return Backdrop(x, y, depth, albedo)


def lit(site: Site, camera: Pinhole, view: Backdrop, light: Light) -> Image:
    """The ground under a light, with the sky where there is no ground."""
    lamps = _lamp_light(site, view, light.lamps)
    picture = np.empty_like(view.albedo)
    rise = (camera.forward[2] + ((np.arange(camera.size[1]) + 0.5 - camera.centre[1]) / camera.focal) * camera.down[2])[
        :, None
    ]
    above = np.minimum(np.maximum(rise * 2.2, 0.0), 1.0)
    for channel in range(3):
        level = light.ambient[channel] + light.direct[channel] * light.sun[2]
        glow = lamps * (0.72, 0.9, 1.0)[channel]
        ground = view.albedo[..., channel] * ((level + glow) * light.wet)
        sky = light.sky_low[channel] + (light.sky_high[channel] - light.sky_low[channel]) * above
        picture[..., channel] = np.minimum(np.where(view.depth > 0, ground, sky), 255.0)
    return picture


def lamp_level(site: Site, x: float, y: float, power: float) -> float:
    """The light of all lamps at a point, as the ground has it."""
    level = 0.0
    for lx, ly in site.lamps:
        away = ((x - lx) * (x - lx) + (y - ly) * (y - ly)) / LAMP_REACH
        level += power / ((1.0 + away) * (1.0 + away))
    return level


LAMP_REACH: Final = 60.0
"""Square metres after which a lamp has lost three quarters of its light."""


def fill(image: Image, points: npt.NDArray[np.int32], colour: tuple[int, ...] | int) -> None:
    """Fill a convex area whose corners are in sixteenths of a pixel."""
    cv2.fillConvexPoly(image, points, colour if isinstance(colour, tuple) else (colour,), cv2.LINE_8, SHIFT)


def fixed(u: Array, v: Array) -> npt.NDArray[np.int32]:
    """Pixels as the whole numbers that `fill` takes; what is far outside is held at a distance."""
    pair = np.stack((u, v), axis=-1)
    centred: npt.NDArray[np.int32] = np.rint((np.clip(pair, -REACH, REACH) - 0.5) * (1 << SHIFT)).astype(np.int32)
    return centred


def ground_shape(
    camera: Pinhole, corners: tuple[Point, ...] | list[Point], height: float = 0.0
) -> npt.NDArray[np.int32] | None:
    """A flat area on the ground in a camera's picture, or none where it is not before the camera."""
    x, y = (np.array(values, np.float64) for values in zip(*corners, strict=True))
    u, v, depth = camera.project(x, y, np.full(len(corners), height))
    if depth.min() < NEAR or u.max() < 0 or v.max() < 0 or u.min() > camera.size[0] or v.min() > camera.size[1]:
        return None
    return fixed(u, v)


def _cells(x: Array, y: Array, per_metre: float, salt: int) -> npt.NDArray[np.uint8]:
    return cell_hash(np.floor(x * per_metre).astype(np.int64), np.floor(y * per_metre).astype(np.int64), salt)


def _lamp_light(site: Site, view: Backdrop, power: float) -> Array:
    total = np.zeros_like(view.depth)
    if power > 0:
        for lx, ly in site.lamps:
            dx, dy = view.x - lx, view.y - ly
            reach = 1.0 + (dx * dx + dy * dy) / LAMP_REACH
            total += power / (reach * reach)
    return total


def _stains(albedo: Image, camera: Pinhole, site: Site, chance: Chance) -> None:
    """Oil where engines stand."""
    for number, bay in enumerate(site.bays):
        one = chance.of(number)
        if not one.happens(0.6):
            continue
        x = bay.centre[0] + bay.inward[0] * one.between(0.2, 1.4) + one.between(-0.4, 0.4)
        y = bay.centre[1] + bay.inward[1] * one.between(0.2, 1.4) + one.between(-0.4, 0.4)
        wide, deep = one.between(0.2, 0.55), one.between(0.2, 0.5)
        shape = ground_shape(
            camera, [(x - wide, y), (x - wide / 2, y + deep), (x + wide, y + deep / 2), (x + wide / 2, y - deep)]
        )
        if shape is not None:
            fill(albedo, shape, tuple(part * 6 // 10 for part in site.asphalt))


def _markings(albedo: Image, camera: Pinhole, site: Site) -> None:
    for bay in site.bays:
        first, second, third, fourth = bay.corners()
        for begin, end in ((first, second), (third, fourth)):
            _stroke(albedo, camera, begin, end, 0.055, LINE)
    lane = site.lane
    x, y = lane.at(site.gate + 1.6)
    ax, ay = lane.heading(site.gate + 1.6)
    half = AISLE_HALF - 0.4
    _stroke(albedo, camera, (x - ay * half, y + ax * half), (x + ay * half, y - ax * half), 0.16, STOP)
    way = 4.0
    while way < lane.length - 4:
        _arrow(albedo, camera, lane.at(way), lane.heading(way))
        way += 9.0


def _arrow(albedo: Image, camera: Pinhole, at: Point, along: Point) -> None:
    (x, y), (hx, hy) = at, along
    _stroke(albedo, camera, at, (x + hx * 1.3, y + hy * 1.3), 0.09, ARROW)
    tip = [
        (x + hx * 2.1, y + hy * 2.1),
        (x + hx * 1.3 - hy * 0.36, y + hy * 1.3 + hx * 0.36),
        (x + hx * 1.3 + hy * 0.36, y + hy * 1.3 - hx * 0.36),
    ]
    shape = ground_shape(camera, tip)
    if shape is not None:
        fill(albedo, shape, ARROW)


def _stroke(
    albedo: Image, camera: Pinhole, begin: Point, end: Point, half: float, colour: tuple[int, int, int]
) -> None:
    """A line on the ground in short pieces, so that a piece behind the camera takes no other with it."""
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    pieces = 1 + int(max(abs(dx), abs(dy)) / (BAY_DEPTH / 4))
    if dx == 0 and dy == 0:
        return
    length = float(np.sqrt(dx * dx + dy * dy))
    nx, ny = -dy / length * half, dx / length * half
    for piece in range(pieces):
        ax, ay = begin[0] + dx * piece / pieces, begin[1] + dy * piece / pieces
        bx, by = begin[0] + dx * (piece + 1) / pieces, begin[1] + dy * (piece + 1) / pieces
        shape = ground_shape(camera, [(ax + nx, ay + ny), (bx + nx, by + ny), (bx - nx, by - ny), (ax - nx, ay - ny)])
        if shape is not None:
            fill(albedo, shape, colour)
