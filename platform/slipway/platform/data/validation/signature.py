"""What an image looks like in a few bytes: a thumbnail, a hash of its differences, a signature of a crop's colours.

Cheap on purpose: they find candidates for a person to look at, and compare like with like (the same camera and hour).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

GRID: Final = 16
HASH_ROWS: Final = 8
COLOURS: Final = 4
DIRECTIONS: Final = 8
CROP: Final = COLOURS**3 + DIRECTIONS
CROP_SIDE: Final = 32
LEVELS: Final = 256
GRADIENT_SHARE: Final = 0.3

Pixels = npt.NDArray[np.uint8]


def cells(pixels: Pixels, columns: int, rows: int, mode: str) -> Pixels:
    """The mean of each cell of a grid laid over a picture; Pillow gives the interpreter's lock back meanwhile."""
    return np.asarray(Image.fromarray(pixels).convert(mode).resize((columns, rows), Image.Resampling.BOX))


def thumbnail(pixels: Pixels) -> Pixels:
    """The image in `GRID` by `GRID` grey cells."""
    return cells(pixels, GRID, GRID, "L").ravel()


def difference_hash(pixels: Pixels) -> np.uint64:
    """64 bits: is a cell lighter than its left neighbour."""
    grey = cells(pixels, HASH_ROWS + 1, HASH_ROWS, "L")
    return np.uint64(np.packbits(grey[:, 1:] > grey[:, :-1]).view(np.uint64)[0])


def crop_signature(crop: Pixels) -> npt.NDArray[np.float32]:
    """Colours and directions of a crop, as square roots of shares, so that a distance is Hellinger's."""
    small = cells(np.ascontiguousarray(crop), CROP_SIDE, CROP_SIDE, "RGB")
    levels = small.astype(np.int64) * COLOURS // LEVELS
    codes = (levels[..., 0] * COLOURS + levels[..., 1]) * COLOURS + levels[..., 2]
    colours = np.bincount(codes.ravel(), minlength=COLOURS**3).astype(np.float32)
    down, right = np.gradient(small.mean(axis=2, dtype=np.float32))
    angle = np.floor((np.arctan2(down, right) % np.pi) * DIRECTIONS / np.pi).astype(np.int64) % DIRECTIONS
    directions = np.bincount(angle.ravel(), np.hypot(down, right).ravel(), minlength=DIRECTIONS)
    shares = np.concatenate(
        [
            (1 - GRADIENT_SHARE) * colours / colours.sum(),
            GRADIENT_SHARE * directions / max(float(directions.sum()), 1e-6),
        ]
    )
    signature: npt.NDArray[np.float32] = np.sqrt(shares).astype(np.float32)
    return signature
