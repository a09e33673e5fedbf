"""Looking at image files before they are taken in: format, size, completeness and digest.

Sizes come from the headers alone, so that an image bomb is refused before a pixel of it is decoded. A file that ends
early is found by its missing end marker; damage in the middle is for validation, which decodes everything.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from slipway.platform.data.pictures import MOST_PIXELS, NoPicture, opened
from slipway.platform.data.shards import image_format
from slipway.platform.data.watching import Watcher
from slipway.platform.machine import cores

MAX_BYTES: Final = 512 * 1024 * 1024
JPEG_END: Final = b"\xff\xd9"
PNG_END: Final = b"IEND\xaeB`\x82"
BATCH: Final = 256


@dataclass(frozen=True)
class Seen:
    """What an image file is."""

    sample: str
    width: int
    height: int


class NotAnImage(ValueError):
    """Why a file cannot be taken in."""


def look_at_all(paths: Iterable[Path], max_pixels: int, watcher: Watcher) -> Iterator[tuple[Path, Seen | NotAnImage]]:
    """Every file with what it is or what is wrong with it, in order, looked at in threads."""

    def look(path: Path) -> tuple[Path, Seen | NotAnImage]:
        try:
            return path, look_at(path, max_pixels)
        except NotAnImage as problem:
            return path, problem
        finally:
            watcher.advance(1)

    rest = iter(paths)
    with ThreadPoolExecutor(cores().threads) as pool:
        while batch := list(islice(rest, BATCH)):
            yield from pool.map(look, batch)


def look_at(path: Path, max_pixels: int = MOST_PIXELS) -> Seen:
    """What one file is."""
    data = read_image(path)
    if not data:
        raise NotAnImage("is empty")
    width, height, body = _header(data)
    if width * height > max_pixels:
        raise NotAnImage(f"has {width} x {height} pixels, more than the {max_pixels:,} allowed")
    if data.rfind(JPEG_END if image_format(data) == "jpg" else PNG_END, body) < 0:
        raise NotAnImage("is truncated: its end is missing")
    return Seen(hashlib.sha256(data).hexdigest(), width, height)


def read_image(path: Path) -> bytes:
    """The bytes of a plain file of reasonable size."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise NotAnImage("is no plain file")
        if found.st_size > MAX_BYTES:
            raise NotAnImage(f"has {found.st_size:,} bytes, more than the {MAX_BYTES:,} allowed")
        return path.read_bytes()
    except OSError as error:
        raise NotAnImage(f"cannot be read: {error.strerror or os.strerror(error.errno or 0)}") from None


def _header(data: bytes) -> tuple[int, int, int]:
    """Width, height, and where the pixels begin."""
    try:
        picture = opened(data)
    except NoPicture as problem:
        raise NotAnImage(str(problem)) from None
    if min(picture.size) < 1:
        raise NotAnImage("has no pixels")
    return *picture.size, picture.fp.tell() if picture.fp else 0
