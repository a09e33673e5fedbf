"""Looking at every image once: does it decode, is it what the tables say, what does it look like.

The bytes come from the memory-mapped shards. Decoding runs in threads, for libjpeg-turbo gives the interpreter's lock
back, and at a reduced size, which still reads every byte. The header tells the size before anything is decoded, so that
an image bomb costs nothing. Facts are arrays by row of the index, signatures of crops by row of the boxes.
"""

import hashlib
import io
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from slipway.platform.data.errors import DataError
from slipway.platform.data.pictures import MOST_PIXELS
from slipway.platform.data.shards import image_format
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.signature import CROP, GRID, crop_signature, difference_hash, thumbnail

CHUNK: Final = 64
SMALLEST_CROP: Final = 12
WORKING_HEIGHT: Final = 360
PNG_HEADER: Final = struct.Struct(">8x4x4xII")

Pixels = npt.NDArray[np.uint8]
Row = tuple[int, str, str, int, int]
"""Row of the index, sample, shard, offset, length."""


@dataclass
class ImageFacts:
    """What is known of each image after it was looked at; a missing one has the hash 0 and a thumbnail of zeros."""

    fault: list[str | None]
    bytes_fault: list[str | None]
    sizes: npt.NDArray[np.int64]
    content: list[bytes]
    hashes: npt.NDArray[np.uint64]
    thumbnails: Pixels
    crops: npt.NDArray[np.float32]
    has_crop: npt.NDArray[np.bool_]


class Undecodable(Exception):
    """An image that cannot be seen, and why."""


def look_at(
    snapshot: Snapshot,
    index: pd.DataFrame,
    boxes: pd.DataFrame,
    threads: int,
    progress: Callable[[str, int, int], None],
) -> ImageFacts:
    """Look at all images of a snapshot."""
    count = len(index)
    facts = ImageFacts(
        fault=[None] * count,
        bytes_fault=[None] * count,
        sizes=np.zeros((count, 2), np.int64),
        content=[b""] * count,
        hashes=np.zeros(count, np.uint64),
        thumbnails=np.zeros((count, GRID * GRID), np.uint8),
        crops=np.zeros((len(boxes), CROP), np.float32),
        has_crop=np.zeros(len(boxes), np.bool_),
    )
    columns = (index["row"], index["sample"], index["shard"], index["offset"], index["length"])
    rows: list[Row] = list(zip(*(column.tolist() for column in columns), strict=True))
    rows.sort(key=lambda row: (row[2], row[3]))
    wanted = _wanted(boxes)

    def look(chunk: Sequence[Row]) -> int:
        for row in chunk:
            _look(snapshot, row, wanted.get(row[1], []), facts)
        return len(chunk)

    done = 0
    progress("images", done, count)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for looked in pool.map(look, [rows[start : start + CHUNK] for start in range(0, count, CHUNK)]):
            done += looked
            progress("images", done, count)
    return facts


def _wanted(boxes: pd.DataFrame) -> dict[str, list[tuple[int, float, float, float, float]]]:
    """The boxes of each sample whose crops may be compared: those of an individual or a track."""
    chosen = boxes[boxes["identity"].notna() | boxes["track"].notna()]
    found: dict[str, list[tuple[int, float, float, float, float]]] = {}
    columns = ("row", "x", "y", "w", "h")
    for sample, *box in zip(chosen["sample"], *(chosen[name].tolist() for name in columns), strict=True):
        found.setdefault(sample, []).append((int(box[0]), box[1], box[2], box[3], box[4]))
    return found


def _look(snapshot: Snapshot, row: Row, boxes: list[tuple[int, float, float, float, float]], facts: ImageFacts) -> None:
    number, sample, shard, offset, length = row
    try:
        data = snapshot.image(shard, offset, length)
    except DataError as error:
        facts.fault[number] = f"{str(error).removeprefix(str(snapshot.folder)).removeprefix(': ').removesuffix('.')}"
        return
    if (found := hashlib.sha256(data).hexdigest()) != sample:
        facts.bytes_fault[number] = f"the bytes have sha256 {found[:12]}, the sample id is {sample[:12]}"
    try:
        width, height = header_size(data)
        facts.sizes[number] = (width, height)
        pixels = decode(data, width, height)
    except Undecodable as error:
        facts.fault[number] = f"the image does not decode: {error}"
        return
    facts.content[number] = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
    facts.thumbnails[number], facts.hashes[number] = thumbnail(pixels), difference_hash(pixels)
    scale = pixels.shape[1] / width
    for box, x, y, w, h in boxes:
        crop = _crop(pixels, x * scale, y * scale, w * scale, h * scale)
        if crop is not None:
            facts.crops[box], facts.has_crop[box] = crop_signature(crop), True


def header_size(data: memoryview) -> tuple[int, int]:
    """Width and height as the header says them; what is too large to be decoded is refused here."""
    import simplejpeg

    kind = image_format(bytes(data[:8]))
    if kind is None:
        raise Undecodable("neither JPEG nor PNG")
    try:
        if kind == "png":
            width, height = PNG_HEADER.unpack_from(data)
        else:
            height, width = simplejpeg.decode_jpeg_header(data)[:2]
    except (ValueError, struct.error) as error:
        raise Undecodable(f"its header is broken ({error})") from None
    if width * height > MOST_PIXELS:
        raise Undecodable(f"{width} x {height} pixels are more than {MOST_PIXELS:,}")
    return int(width), int(height)


def decode(data: memoryview, width: int, height: int) -> Pixels:
    """The pixels, at a reduced size where the image is large."""
    import simplejpeg
    from PIL import Image

    try:
        if bytes(data[:2]) == b"\xff\xd8":
            decoded: Pixels = simplejpeg.decode_jpeg(data, min_height=min(height, WORKING_HEIGHT), fastdct=True)
            return decoded
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            image.verify()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            step = max(1, height // WORKING_HEIGHT)
            return np.asarray(image.convert("RGB").reduce(step) if step > 1 else image.convert("RGB"))
    except (ValueError, OSError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise Undecodable(str(error) or f"{width} x {height}") from None


def _crop(pixels: Pixels, x: float, y: float, w: float, h: float) -> Pixels | None:
    """The inner part of a box, where the object is and the ground is not."""
    if not all(map(np.isfinite, (x, y, w, h))):
        return None
    left, top = max(0, int(x + 0.1 * w)), max(0, int(y + 0.1 * h))
    crop = pixels[top : max(0, int(y + 0.9 * h)), left : max(0, int(x + 0.9 * w))]
    return crop if min(crop.shape[:2]) >= SMALLEST_CROP else None
