"""A snapshot of noise for every model that ships, so that a GPU can be measured without anybody's data.

How long a step takes does not depend on what the pictures show; their sizes and the numbers of boxes are those of the
rendered sites.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

CAMERAS: Final = ("entry", "exit")
EACH: Final = 8
"""Pictures of one individual."""
BOXES: Final = 6
"""Vehicles in a scene."""
KINDS: Final = ("car", "van", "lorry", "motorcycle")


@dataclass(frozen=True)
class Amounts:
    """How much of each kind there is to learn from."""

    individuals: int
    bays: int
    scenes: int


def write_pictures(folder: Path, amounts: Amounts) -> Snapshot:
    """Crops, bays and scenes, and a few of each to validate and to test on."""
    chance = np.random.default_rng(0)
    few = Amounts(individuals=2, bays=4, scenes=2)
    with SnapshotWriter(folder) as writer:
        for split, many in (("train", amounts), ("validation", few), ("test", few)):
            for number in range(many.individuals * EACH):
                box = _box(chance, KINDS[0], (96, 128), identity=f"{split}-{number // EACH}")
                _add(writer, chance, split, "crop", number, (96, 128), [box])
            for number in range(many.bays):
                box = _box(chance, "occupied" if number % 2 else "free", (64, 64))
                _add(writer, chance, split, "bay", number, (64, 64), [box])
            for number in range(many.scenes):
                boxes = [_box(chance, KINDS[place % len(KINDS)], (240, 320), share=0.2) for place in range(BOXES)]
                _add(writer, chance, split, "scene", number, (240, 320), boxes)
        writer.finish([], licence="made here")
    return Snapshot(folder)


def _box(
    chance: np.random.Generator, category: str, size: tuple[int, int], share: float = 1.0, identity: str | None = None
) -> Box:
    """A box with so much of each side, anywhere."""
    height, width = (side * share for side in size)
    x, y = chance.random() * (size[1] - width), chance.random() * (size[0] - height)
    return Box(category=category, x=x, y=y, w=width, h=height, identity=identity, label_state="reviewed")


def _add(
    writer: SnapshotWriter,
    chance: np.random.Generator,
    split: str,
    view: str,
    number: int,
    size: tuple[int, int],
    boxes: list[Box],
) -> None:
    pixels = chance.integers(0, 256, (*size, 3), np.uint8)
    _, data = cv2.imencode(".jpg", pixels)
    image = Image(
        width=size[1], height=size[0], split=split, source=f"{split}-{view}-{number}.jpg", site="noise",
        camera=CAMERAS[number % len(CAMERAS)], light="day", weather="clear", sequence=f"{split}-{view}-{number}",
        extra={"bay": "N1"} if view == "bay" else {}, slices={"view": view}, label_state="reviewed",
    )  # fmt: skip
    writer.add(data.tobytes(), image, boxes)
