"""Pictures as a contract wants them: from a file's bytes or a camera's frame to the pixels that go into a model.

Training resizes by the same rules, so a model sees in the field what it was trained and judged on, to the last bit
where libraries are the same: `area` averages where a side shrinks more than twofold and is bilinear otherwise, `linear`
is bilinear always; a box is widened by the margin's share of its size on each side, to whole pixels, and kept inside
the picture. A JPEG that is at least twice too large both ways is halved by its decoder. The orientation that a camera
noted is not applied: boxes lie on the pixels as they are stored.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Input
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.libraries import opencv, turbo_jpeg
from slipway.serving.runtime.source import Image

Array = npt.NDArray[np.generic]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""
Size = tuple[int, int]
"""Height and width."""

MOST_PIXELS: Final = 50_000_000
"""Of one picture: a small file may claim to be huge."""
HALVING: Final = 2.0
_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_WIDTH, _PNG_HEIGHT = slice(16, 20), slice(20, 24)


class BadPicture(WrongUse):
    """Bytes that are no picture, or one that does not fit."""


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in the input that was made of it, so that what was found there is found in the picture."""

    picture: Size
    inside: Size
    """The picture's size in the input."""
    left: int
    top: int

    def back(self, boxes: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
        """Boxes (..., 4) in pixels of the input as pixels of the picture, cut off where they leave it."""
        height, width = self.picture
        found = boxes.astype(np.float64) - np.array([self.left, self.top, self.left, self.top], np.float64)
        found[..., ::2] = (found[..., ::2] * (width / self.inside[1])).clip(0, width)
        found[..., 1::2] = (found[..., 1::2] * (height / self.inside[0])).clip(0, height)
        return found


def prepare(image: Image, one: Input, box: Box | None = None) -> Array:
    """A picture, or the box of it where the contract asks for boxes, as (3, height, width) of the input's type.

    Without a box the whole picture is taken for what was to be cut out.
    """
    size = wanted_size(one)
    _check_image(image)
    how = one.preprocessing
    if box is not None and how.crop == "box":
        image = cut(image, box, how.margin)
    if size is not None:
        image = _letterboxed(image, size, one) if how.resize == "letterbox" else _resized(image, size, one)
    if how.colour == "bgr":
        image = image[..., ::-1]
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=one.dtype)


def placement(picture: Size, one: Input) -> Placement:
    """Where `prepare` puts a picture of that size."""
    size = wanted_size(one) or picture
    if one.preprocessing.resize != "letterbox":
        return Placement(picture, size, 0, 0)
    scale = min(size[0] / picture[0], size[1] / picture[1])
    inside = (_side(picture[0] * scale, size[0]), _side(picture[1] * scale, size[1]))
    return Placement(picture, inside, (size[1] - inside[1]) // 2, (size[0] - inside[0]) // 2)


def cut(image: Image, box: Box, margin: float = 0.0) -> Image:
    """The pixels of a box, widened by `margin` of its size on every side and kept inside; no copy."""
    left, top, right, bottom = box
    wide, high = margin * (right - left), margin * (bottom - top)
    columns = slice(max(0, math.floor(left - wide)), min(image.shape[1], math.ceil(right + wide)))
    rows = slice(max(0, math.floor(top - high)), min(image.shape[0], math.ceil(bottom + high)))
    if columns.start >= columns.stop or rows.start >= rows.stop:
        raise BadPicture(f"The box {_told(box)} holds no pixel of a picture of {image.shape[1]} x {image.shape[0]}.")
    return image[rows, columns]


def decode(data: bytes, one: Input | None = None) -> Image:
    """The pixels of a JPEG or PNG file; halved where that is how the input `one` is made of it."""
    if data.startswith(_JPEG):
        return _decoded_jpeg(data, _enough(one))
    if data.startswith(_PNG) and len(data) >= _PNG_HEIGHT.stop:
        _check_pixels(int.from_bytes(data[_PNG_HEIGHT], "big"), int.from_bytes(data[_PNG_WIDTH], "big"))
        cv2 = opencv()
        try:
            found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
        except cv2.error:
            found = None
        if found is None:
            raise BadPicture("The picture is a damaged PNG file.")
        pixels: Image = found
        return pixels
    raise BadPicture("These bytes are no picture.", mend="Send a JPEG or PNG file.")


def encode(image: Image, quality: int = 90) -> bytes:
    """A JPEG file."""
    data: bytes = turbo_jpeg().encode_jpeg(np.ascontiguousarray(image), quality, "RGB", "420")
    return data


def wanted_size(one: Input) -> Size | None:
    """Height and width that the input has; None where they vary and a picture goes in as it is."""
    channels, *sides = one.dims[1:] if len(one.dims) == len("nchw") else (None,)
    if channels != 3:  # noqa: PLR2004 - red, green, blue
        raise WrongUse(f"The input `{one.name}` takes no pictures: its dimensions are {list(one.dims)}.")
    fixed = [side for side in sides if isinstance(side, int)]
    if len(fixed) == len(sides):
        return fixed[0], fixed[1]
    if one.preprocessing.resize != "none":
        raise WrongUse(f"The input `{one.name}` asks for a resize and has no size to resize to: {list(one.dims)}.")
    return None


def _enough(one: Input | None) -> Size | None:
    """The size below which a decoder must not go; None where it must not halve at all."""
    if one is None or one.preprocessing.resize == "none" or one.preprocessing.interpolation != "area":
        return None
    return wanted_size(one)


def _decoded_jpeg(data: bytes, enough: Size | None) -> Image:
    jpeg = turbo_jpeg()
    try:
        height, width = jpeg.decode_jpeg_header(data)[:2]
        _check_pixels(height, width)
        least = enough or (height, width)
        pixels: Image = jpeg.decode_jpeg(data, min_height=least[0], min_width=least[1], min_factor=HALVING)
    except ValueError as error:
        raise BadPicture(f"The picture is a damaged JPEG file: {str(error)[:200]}.") from None
    return pixels


def _check_pixels(height: int, width: int) -> None:
    if not 0 < height * width <= MOST_PIXELS:
        raise BadPicture(f"The picture claims {width} x {height} pixels; at most {MOST_PIXELS:,} are read.")


def _check_image(image: Image) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:  # noqa: PLR2004
        raise BadPicture(f"A picture is uint8 [height, width, 3]; found {image.dtype} {list(image.shape)}.")


def _resized(image: Image, size: Size, one: Input) -> Image:
    (height, width), (rows, columns) = image.shape[:2], size
    if (height, width) == size:
        return image
    how = one.preprocessing
    if how.resize == "none":
        raise BadPicture(f"`{one.name}` takes pictures of {columns} x {rows} as they are; found {width} x {height}.")
    cv2 = opencv()
    shrinks = how.interpolation == "area" and (height > HALVING * rows or width > HALVING * columns)
    found: Image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return found


def _letterboxed(image: Image, size: Size, one: Input) -> Image:
    place = placement((image.shape[0], image.shape[1]), one)
    out: Image = np.full((*size, 3), one.preprocessing.fill, np.uint8)
    rows, columns = place.inside
    out[place.top : place.top + rows, place.left : place.left + columns] = _resized(image, place.inside, one)
    return out


def _side(length: float, most: int) -> int:
    return min(most, max(1, round(length)))


def _told(box: Box) -> str:
    return ", ".join(f"{side:g}" for side in box)
