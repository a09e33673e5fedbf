"""From an image's bytes to uint8 pixels of a wanted size, without holding the interpreter's lock.

JPEG goes through libjpeg-turbo, everything else through OpenCV. Where the image is at least twice as large as wanted in
both directions, the decoder itself halves it (1/2, 1/4, 1/8), which saves most of the work and averages as an area
resize does, to half a level of 255 in the mean; what is left is resized bilinearly, or by area where it still shrinks
more than twofold. The decoder's other fractions are left alone: 7/8 takes a third longer than the full size with a
resize after it, and differs from it by more than two levels on fine texture.

The orientation that a camera noted is not applied: boxes were drawn on the pixels as they are stored.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""Height, width, and red, green, blue; or a batch of such."""
Size: TypeAlias = tuple[int, int]
"""Height and width."""
Data: TypeAlias = memoryview | bytes

DECODERS: Final = f"simplejpeg {simplejpeg.__version__}, opencv {cv2.__version__}"
"""What the pixels depend on besides this module."""
HALVING: Final = 2.0
JPEG: Final = b"\xff\xd8\xff"
PNG_SIZE: Final = slice(16, 24)


def decode(data: Data, size: Size, enough: Size | None = None, scratch: Pixels | None = None) -> Pixels:
    """The pixels of an image of `size`, or a halved version that still has `enough`; ValueError for anything else.

    They may stand in `scratch`, which saves finding memory for each image.
    """
    if bytes(data[:3]) != JPEG:
        return _decode_other(data, size)
    found = simplejpeg.decode_jpeg_header(data)[:2]
    _check_size(found, size)
    height, width = enough or size
    pixels: Pixels = simplejpeg.decode_jpeg(
        data, min_height=height, min_width=width, min_factor=HALVING, buffer=scratch
    )
    return pixels


def fit(pixels: Pixels, out: Pixels) -> None:
    """Stretch or shrink `pixels` into `out`."""
    (height, width), (rows, columns) = pixels.shape[:2], out.shape[:2]
    if (height, width) == (rows, columns):
        out[...] = pixels
        return
    shrinks = height > HALVING * rows or width > HALVING * columns
    cv2.resize(pixels, (columns, rows), dst=out, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def one_thread_each() -> None:
    """Keep OpenCV from starting threads of its own inside ours; this holds for the whole process."""
    cv2.setNumThreads(1)


def _decode_other(data: Data, size: Size) -> Pixels:
    _check_size((int.from_bytes(data[PNG_SIZE][4:], "big"), int.from_bytes(data[PNG_SIZE][:4], "big")), size)
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise ValueError("it is damaged or no image")
    return pixels.astype(np.uint8, copy=False)


def _check_size(found: Size, expected: Size) -> None:
    """Before memory is taken for the pixels: a small file may claim to be huge."""
    if found != expected:
        raise ValueError(f"it is {found[1]} x {found[0]} pixels, {expected[1]} x {expected[0]} expected")
