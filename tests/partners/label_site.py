"""A few pictures with labels, and what became of them: what tests of labelling share."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

SIZE: Final = (80, 60)


def picture(number: int) -> bytes:
    """A JPEG that no other number has."""
    pixels = np.random.default_rng(number).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def make_snapshot(
    folder: Path, count: int, state: str = "auto", boxes: Sequence[Box] = (), split: str = "test"
) -> Snapshot:
    """So many images in a state, each with these boxes; they are bays."""
    with SnapshotWriter(folder) as writer:
        for number in range(count):
            image = Image(
                width=SIZE[0], height=SIZE[1], split=split, source=f"gate/{number}.jpg", site="harbour",
                camera="aisle", day="2026-03-01", light="day", label_state=state, legal_basis="contract",
                extra={"kept": number}, slices={"view": "bay"},
            )  # fmt: skip
            writer.add(picture(number), image, boxes)
        writer.finish([], "made here")
    return Snapshot(folder)


def whole_box(category: str, state: str = "auto", author: str | None = "bay-occupancy/2") -> Box:
    """A category for a whole image."""
    return Box(category=category, x=0, y=0, w=SIZE[0], h=SIZE[1], label_state=state, author=author)


class Folder:
    """Where a format writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(exist_ok=True)

    def text(self, name: str, content: str) -> None:
        """A file."""
        (self.path / name).write_text(content, encoding="utf-8")


def states(snapshot: Snapshot) -> list[str]:
    """Of the images, in the order of their sources."""
    rows = sorted(snapshot.index.to_pylist(), key=lambda row: str(row["source"]))
    return [str(row["label_state"]) for row in rows]


def said_of(snapshot: Snapshot, source: str) -> list[dict[str, Any]]:
    """Who said what of an image."""
    (row,) = [row for row in snapshot.index.to_pylist() if row["source"] == source]
    found: list[dict[str, Any]] = json.loads(row["extra"])["labels"]
    return found
