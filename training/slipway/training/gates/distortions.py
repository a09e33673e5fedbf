"""Disturbing images the way the field does: blur, noise, JPEG, darkness.

Each is a pure function of pixels, strength and the row: the same image gets the same noise on every machine, in every
variant and for every bundle.
"""

from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np

from slipway.platform.models.gates import Distortion
from slipway.training.reading.philox import Integers, key_of
from slipway.training.reading.pixels import Pixels, Size
from slipway.training.reading.source import Source

Disturb = Callable[[Pixels, float, int], Pixels]


def blurred(pixels: Pixels, strength: float, row: int) -> Pixels:  # noqa: ARG001 - each is called alike
    """As an unclean lens; `strength` is the sigma in pixels."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), strength), np.uint8)


def noisy(pixels: Pixels, strength: float, row: int) -> Pixels:
    """As a sensor in bad light; `strength` is the sigma in grey levels.

    Of numpy's random numbers only a bit generator's raw words are promised to stay; a sum of twelve uniform ones is
    near enough to a normal one.
    """
    words = np.random.Philox(key=key_of(0, "noise", row)).random_raw(3 * pixels.size)
    parts = words.view(np.uint16).reshape(12, *pixels.shape).astype(np.float32)
    normal = parts.sum(axis=0) / np.float32(65536) - np.float32(6)
    return np.asarray(np.clip(np.rint(pixels + strength * normal), 0, 255), np.uint8)


def compressed(pixels: Pixels, strength: float, row: int) -> Pixels:  # noqa: ARG001
    """As a camera that saves bandwidth; `strength` is JPEG's quality."""
    done, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, round(strength)])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if done else None
    if decoded is None:
        raise ValueError(f"OpenCV did not compress an image of {pixels.shape}")
    return np.ascontiguousarray(decoded[:, :, ::-1]).astype(np.uint8, copy=False)


def darkened(pixels: Pixels, strength: float, row: int) -> Pixels:  # noqa: ARG001
    """As at dusk; `strength` is the share of light that is left."""
    return np.asarray(np.rint(pixels * np.float32(strength)), np.uint8)


DISTORTIONS: Final[Mapping[Distortion, Disturb]] = {
    "blur": blurred,
    "noise": noisy,
    "jpeg": compressed,
    "darkness": darkened,
}


class DisturbedSource:
    """Some rows of a source, disturbed."""

    def __init__(self, source: Source, rows: Integers, distortion: Distortion, strength: float) -> None:
        self._source, self._rows, self._strength = source, rows, strength
        self._disturb = DISTORTIONS[distortion]

    @property
    def count(self) -> int:
        """How many rows are looked at."""
        return len(self._rows)

    @property
    def size(self) -> Size:
        """As the source's."""
        return self._source.size

    @property
    def grain(self) -> int:
        """As the source's."""
        return self._source.grain

    def read(self, rows: Integers, out: Pixels) -> None:
        """The pixels of the source, each changed by itself."""
        chosen = self._rows[rows]
        self._source.read(chosen, out)
        for place, row in enumerate(chosen.tolist()):
            out[place] = self._disturb(out[place], self._strength, row)


def spread(count: int, most: int) -> Integers:
    """At most so many of so many rows, evenly spread: rows lie in the order of their digests, which is any order."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
