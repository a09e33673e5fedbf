"""From light to a file: what a camera's sensor and encoder make of a picture.

Gain, white balance and tone curve are one table per channel, blur and noise are whole-number arithmetic, and the
encoder is libjpeg-turbo with its whole-number transform: the same bytes with and without vector instructions.
"""

from functools import lru_cache
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
import simplejpeg

from slipway.training.world.chance import Chance
from slipway.training.world.sites import Sensor

Image = npt.NDArray[np.uint8]

GRADES: Final = 256
DARK_GAIN: Final = {"day": 1.0, "dusk": 1.18, "night": 1.45}
"""How far a camera turns its gain up, and its noise with it."""


def half_size(image: Image) -> Image:
    """Each four pixels to their mean, rounded."""
    wide = image.astype(np.uint16)
    total = wide[0::2, 0::2] + wide[1::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


def expose(image: Image, sensor: Sensor, light: str, chance: Chance) -> Image:
    """The picture as the sensor gives it."""
    boost = DARK_GAIN[light]
    tables = _tone_tables(sensor, boost)
    picture = np.stack([tables[channel][image[..., channel]] for channel in range(3)], axis=-1)
    for _ in range(sensor.soft):
        picture = _soften(picture)
    grain = _NOISE[chance.noise(picture.size)].reshape(picture.shape).astype(np.int32)
    level = int(sensor.noise * boost * boost)
    strength = level * (96 + (picture.astype(np.int32) >> 1))
    return np.clip(picture + ((grain * strength) >> 17), 0, 255).astype(np.uint8)


def encode(image: Image, quality: int) -> bytes:
    """A JPEG file."""
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "BGR", "420", fastdct=False)
    return data


@lru_cache(maxsize=64)
def _tone_tables(sensor: Sensor, boost: float) -> tuple[Image, Image, Image]:
    gains = [sensor.gain * boost * white for white in sensor.white]
    blue, green, red = (
        np.array(
            [
                min(255, int(255.0 * _power(min(1.0, value * gain / 255.0), sensor.curve) + 0.5))
                for value in range(GRADES)
            ],
            np.uint8,
        )
        for gain in gains
    )
    return blue, green, red


def _power(base: float, eighths: int) -> float:
    """A power in eighths, by square roots alone."""
    root = sqrt(sqrt(sqrt(base)))
    result = 1.0
    for _ in range(eighths):
        result *= root
    return result


def _soften(image: Image) -> Image:
    """A 1 2 1 blur along both axes."""
    wide = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge").astype(np.uint16)
    rows = wide[:-2] + 2 * wide[1:-1] + wide[2:]
    soft: Image = ((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:] + 8) >> 4).astype(np.uint8)
    return soft


def _normal_table() -> npt.NDArray[np.int16]:
    """For each byte, what the sum of four dice of 64 sides reaches at that share: a bell without exponentials."""
    counts = [1]
    for _ in range(4):
        longer = [0] * (len(counts) + 63)
        for total, ways in enumerate(counts):
            for die in range(64):
                longer[total + die] += ways
        counts = longer
    table, reached, total = [], 0, 0
    for grade in range(GRADES):
        while reached * 2 * GRADES < (2 * grade + 1) * 64**4:
            reached += counts[total]
            total += 1
        table.append((total - 1 - 126) * 4)
    return np.array(table, np.int16)


_NOISE: Final = _normal_table()
