"""A snapshot's rows as an export reads them: images with their boxes, and the files that it will write."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from slipway.platform.data.shards import image_format
from slipway.platform.data.snapshot import Snapshot


@dataclass(frozen=True)
class BoxRow:
    """A box with its parsed `extra`."""

    columns: Mapping[str, Any]
    extra: Mapping[str, Any]


@dataclass(frozen=True)
class ImageRow:
    """An image with its boxes; `data` reads its bytes."""

    columns: Mapping[str, Any]
    extra: Mapping[str, Any]
    boxes: tuple[BoxRow, ...]
    data: Callable[[], memoryview]

    def suffix(self) -> str:
        """By the bytes, for images that had no file name."""
        return image_format(bytes(self.data()[:16])) or "jpg"


class Sink(Protocol):
    """Where an export's files go; names are relative and checked."""

    def text(self, name: str, content: str) -> None:
        """A text file."""

    def image(self, name: str, row: ImageRow) -> None:
        """An image's bytes."""


def image_rows(snapshot: Snapshot) -> Iterator[ImageRow]:
    """Every image, in the order of the samples."""
    boxes: dict[str, list[BoxRow]] = {}
    for row in snapshot.boxes.to_pylist():
        boxes.setdefault(row["sample"], []).append(BoxRow(row, json.loads(row["extra"])))
    for batch in snapshot.index.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            yield ImageRow(row, json.loads(row["extra"]), tuple(boxes.get(row["sample"], ())), _reader(snapshot, row))


def _reader(snapshot: Snapshot, row: Mapping[str, Any]) -> Callable[[], memoryview]:
    return lambda: snapshot.image(row["shard"], row["offset"], row["length"])
