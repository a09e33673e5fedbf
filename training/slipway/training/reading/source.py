"""Where pixels come from: rows of a view on a snapshot.

A view is a list of things to look at, in the order of the table that it was made from: whole images, or the boxes cut
out of them. Rows are counted in that list, so that labels taken from the same table are found by the same numbers.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.platform.data.errors import DataError
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.errors import WrongUse
from slipway.training.reading.errors import UnreadableImage
from slipway.training.reading.philox import Integers
from slipway.training.reading.pixels import Pixels, Size, decode, fit

Cuts = npt.NDArray[np.int32]
"""Left, top, right, bottom of each row, in pixels."""
GRAIN = 8
PIECE = 256


class Source(Protocol):
    """Pixels by row; safe for many threads."""

    @property
    def count(self) -> int:
        """How many rows there are."""

    @property
    def size(self) -> Size:
        """Height and width of every row's pixels."""

    @property
    def grain(self) -> int:
        """How many rows are worth a thread's while."""

    def read(self, rows: Integers, out: Pixels) -> None:
        """Fill `out` with the pixels of `rows`."""


@dataclass(frozen=True)
class View:
    """What is looked at: a line of `index` for each row, and what is cut out of it."""

    index: pa.Table
    cuts: Cuts | None = None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self.index.num_rows

    @cached_property
    def digest(self) -> str:
        """Equal for views that show the same."""
        found = hashlib.sha256("\n".join(strings(self.index["sample"])).encode())
        if self.cuts is not None:
            found.update(np.ascontiguousarray(self.cuts, "<i4").tobytes())
        return found.hexdigest()


def whole_images(snapshot: Snapshot, rows: pa.Table | Integers) -> View:
    """A view of lines of `index`, given as a table that was selected from it or by their numbers."""
    return View(rows if isinstance(rows, pa.Table) else snapshot.index.take(rows))


def box_crops(snapshot: Snapshot, boxes: pa.Table, margin: float = 0.0) -> View:
    """A view of boxes, each widened by `margin` of its size on every side and kept inside its image."""
    known = {sample: row for row, sample in enumerate(strings(snapshot.index["sample"]))}
    samples = strings(boxes["sample"])
    unknown = next((row for row, sample in enumerate(samples) if sample not in known), None)
    if unknown is not None:
        raise WrongUse(f"Row {unknown} of the boxes names sample {samples[unknown][:12]}, which the index lacks.")
    index = snapshot.index.take(np.array([known[sample] for sample in samples], np.int64))
    x, y, w, h = (boxes[name].to_numpy() for name in "xywh")
    width, height = index["width"].to_numpy(), index["height"].to_numpy()
    left, right = np.floor(x - margin * w), np.ceil(x + w + margin * w)
    top, bottom = np.floor(y - margin * h), np.ceil(y + h + margin * h)
    cuts = np.stack([left.clip(0), top.clip(0), np.minimum(right, width), np.minimum(bottom, height)], axis=1)
    cuts = cuts.astype(np.int32)
    empty = np.flatnonzero((cuts[:, 2] <= cuts[:, 0]) | (cuts[:, 3] <= cuts[:, 1]))
    if empty.size:
        row = int(empty[0])
        raise WrongUse(
            f"Row {row} of the boxes, in sample {samples[row][:12]}, holds no pixel of its image.",
            mend="`slipway data validate` lists all such boxes; leave them out.",
        )
    return View(index, cuts)


def strings(column: "pa.ChunkedArray[Any] | pa.Array[Any]") -> list[str]:
    """The values of a column that holds no nulls."""
    return [str(value) for value in column.to_pylist()]


def pieces(source: Source, length: int = PIECE) -> Iterator[Pixels]:
    """The pixels of all rows in their order, so many at a time; each piece is gone when the next one comes."""
    out: Pixels = np.empty((length, *source.size, 3), np.uint8)
    for begin in range(0, source.count, length):
        rows = np.arange(begin, min(begin + length, source.count))
        source.read(rows, out[: len(rows)])
        yield out[: len(rows)]


class Decoded:
    """The pixels of a view, decoded whenever they are asked for."""

    grain = GRAIN

    def __init__(self, snapshot: Snapshot, view: View, size: Size) -> None:
        if not view.count:
            raise WrongUse("The view shows nothing.", mend="Select at least one image or box.")
        self.snapshot, self.view, self.size = snapshot, view, size
        shards = view.index["shard"].combine_chunks().dictionary_encode()
        self._shards = strings(shards.dictionary)
        columns = [view.index[name].to_numpy().astype(np.int64) for name in ("offset", "length", "height", "width")]
        self._lines = np.stack([shards.indices.to_numpy().astype(np.int64), *columns], axis=1)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self.view.count

    def read(self, rows: Integers, out: Pixels) -> None:
        """Fill `out`; an image that follows itself, for several cuts, is decoded once."""
        cuts = self.view.cuts
        lines = self._lines[rows]
        scratch: Pixels = np.empty(lines[:, 3:].prod(axis=1).max(initial=0) * 3, np.uint8)
        held: list[int] = []
        pixels = scratch
        for row, line, target in zip(rows.tolist(), lines.tolist(), out, strict=True):
            if line != held:
                pixels = self._decode(row, line, scratch)
                held = line
            if cuts is None:
                fit(pixels, target)
            else:
                left, top, right, bottom = cuts[row].tolist()
                fit(pixels[top:bottom, left:right], target)

    def _decode(self, row: int, line: list[int], scratch: Pixels) -> Pixels:
        shard, offset, length, height, width = line
        enough = self.size if self.view.cuts is None else None
        try:
            data = self.snapshot.image(self._shards[shard], offset, length)
            return decode(data, (height, width), enough, scratch)
        except (ValueError, cv2.error, DataError) as error:
            sample = self.view.index["sample"][row].as_py()
            raise UnreadableImage(
                f"{self.snapshot.folder}: sample {sample} in shard {self._shards[shard]} at offset {offset} "
                f"(row {row} of the view) cannot be read: {error}".rstrip(".")
                + ".",
                mend="`slipway data verify` tells whether the shard is damaged; if so, `slipway data pull` fetches it "
                "again. Otherwise leave the sample out.",
            ) from None
