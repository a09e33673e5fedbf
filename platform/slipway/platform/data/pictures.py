"""A sample's bytes as a picture: its size from the header alone, or small enough to be shown.

Pillow's plugins are asked directly, because `Image.open` warns of large images, and an image bomb is refused here
before a pixel of it is decoded.
"""

import io
from typing import TYPE_CHECKING, Final

from slipway.platform.data.shards import image_format

if TYPE_CHECKING:
    from PIL import Image, ImageFile

MOST_PIXELS: Final = 64 * 1024 * 1024
"""Larger images are neither imported, nor validated, nor shown."""


class NoPicture(ValueError):
    """Why bytes are no picture, as the end of a sentence."""


def picture_size(data: bytes | memoryview) -> tuple[int, int]:
    """Width and height, from the header."""
    return opened(data).size


def small_picture(data: bytes | memoryview, width: int, height: int) -> "Image.Image":
    """The picture in at most this size, decoded at a fraction of its own where the format can."""
    from PIL import Image

    picture = opened(data)
    if picture.width * picture.height > MOST_PIXELS:
        raise NoPicture(f"has {picture.width} x {picture.height} pixels: too many to show")
    try:
        picture.draft("RGB", (width, height))
        shown = picture.convert("RGB")
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything on hostile bytes
        raise NoPicture(f"cannot be decoded: {error}") from None
    scale = min(width / shown.width, height / shown.height)
    size = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
    return shown.resize(size, Image.Resampling.LANCZOS)


def opened(data: bytes | memoryview) -> "ImageFile.ImageFile":
    """The picture with its header read, and nothing decoded."""
    from PIL import JpegImagePlugin, PngImagePlugin

    kind = image_format(bytes(data[:16]))
    if kind is None:
        raise NoPicture("is neither JPEG nor PNG")
    plugin = JpegImagePlugin.JpegImageFile if kind == "jpg" else PngImagePlugin.PngImageFile
    try:
        return plugin(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001 - a hostile header may raise anything in a parser
        raise NoPicture(f"has a broken header: {error}") from None
