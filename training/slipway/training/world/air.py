"""What is between the scene and the camera: fog, rain, and the glow of lamps."""

from typing import Final

import cv2
import numpy as np

from slipway.training.world.chance import Chance
from slipway.training.world.drawing import Canvas
from slipway.training.world.ground import Backdrop, Image
from slipway.training.world.light import Light

GLOWS: Final = {"front lamp": ((225, 245, 255), 1.0), "rear lamp": ((40, 40, 220), 0.45), "brake": ((60, 60, 255), 0.8)}
GLOW_SHARE: Final = {"day": 0.35, "dusk": 0.7, "night": 1.0}
SKY_DEPTH: Final = 90.0


def add_fog(picture: Image, view: Backdrop, canvas: Canvas, light: Light) -> Image:
    """The farther away, the more of the fog's own tone."""
    owner = canvas.owner[::2, ::2]
    depths = np.zeros(256)
    for number, outline in canvas.outlines.items():
        depths[number] = outline.depth
    ground = view.depth[::2, ::2]
    depth = np.where(owner > 0, depths[owner], np.where(ground > 0, np.minimum(ground, SKY_DEPTH), SKY_DEPTH))
    share = depth / light.fog
    clear = (1.0 / (1.0 + share * 0.5 + share * share * 0.5))[..., None]
    fog = np.array([light.sky_low[0] * 0.96, light.sky_low[1] * 0.96, light.sky_low[2] * 0.96])
    mixed: Image = (picture * clear + fog * (1.0 - clear)).astype(np.uint8)
    return mixed


def add_glows(picture: Image, canvas: Canvas, light: Light) -> Image:
    """A halo around each lamp that shines at the camera, and its streak on wet ground."""
    if not canvas.glows:
        return picture
    bright = picture.astype(np.float64)
    for u, v, scale, kind in canvas.glows:
        colour, power = GLOWS[kind]
        power *= GLOW_SHARE[light.name] * (1.5 if light.fog else 1.0)
        radius = min(9.0, max(1.2, scale * 0.055))
        _stamp(bright, (u / 2, v / 2), (radius, radius), colour, power)
        if light.rain:
            _stamp(bright, (u / 2, v / 2 + radius * 5), (radius * 0.8, radius * 4), colour, power * 0.45)
    return np.minimum(bright, 255.0).astype(np.uint8)


def add_rain(picture: Image, light: Light, chance: Chance) -> Image:
    """Streaks of falling drops, as many for a part of the picture as its area asks."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    slant = chance.whole(5) - 2
    count = light.rain * width * height // (320 * 240)
    drops = chance.noise(count * 5).reshape(count, 5).astype(np.int64)
    for x, y, more, length, tone in drops.tolist():
        left, top = (x * 256 + more) * width // 65536, (y * 256 + length) * height // 65536 - 4
        run = 4 + length % 9
        cv2.line(mask, (left, top), (left + slant * run // 8, top + run), (14 + tone % 34,), 1, cv2.LINE_8)
    glow = 1 if light.name == "day" else 2
    streaks = (mask // glow)[..., None].astype(np.uint16)
    wet: Image = np.minimum(picture + streaks, 255).astype(np.uint8)
    return wet


def _stamp(
    bright: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    at: tuple[float, float], radius: tuple[float, float], colour: tuple[int, int, int], power: float,
) -> None:  # fmt: skip
    height, width = bright.shape[:2]
    reach = (int(radius[0] * 5) + 1, int(radius[1] * 5) + 1)
    x0, x1 = max(0, int(at[0]) - reach[0]), min(width, int(at[0]) + reach[0] + 1)
    y0, y1 = max(0, int(at[1]) - reach[1]), min(height, int(at[1]) + reach[1] + 1)
    if x1 <= x0 or y1 <= y0:
        return
    dx = (np.arange(x0, x1) + 0.5 - at[0]) / radius[0]
    dy = ((np.arange(y0, y1) + 0.5 - at[1]) / radius[1])[:, None]
    away = 1.0 + dx * dx + dy * dy
    level = np.maximum(1.0 / (away * away) - 0.0015, 0.0) * power
    for channel in range(3):
        bright[y0:y1, x0:x1, channel] += level * colour[channel]
