"""The baseline of a detector: where boxes usually are, without looking at a pixel.

For each camera and category the boxes of training are gathered into groups that overlap by half; the mean of a group is
said of every image of that camera, with the share of images that have such a box as its score. Cameras that training
did not see get what is usual over all cameras.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.training.detection.answers import SCHEMA
from slipway.training.evaluation.slices import cameras_of

ALIKE: Final = 0.5
"""Overlap from which two boxes are of one group."""
MOST: Final = 100
"""Boxes said of an image."""
ENOUGH: Final = 2000
"""Boxes of a camera and category that are looked at; of more, every so many."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Usual:
    """A box as shares of the image's sides, and how often it is there."""

    category: str
    box: Floats
    score: float


def boxes(training: pa.Table, rows: pa.Table, categories: Sequence[str]) -> pa.Table:
    """What is usual, said of each of `rows`."""
    anywhere = _usual(training, np.arange(training.num_rows), categories)
    cameras = cameras_of(training)
    known = {one: _usual(training, np.flatnonzero(cameras == one), categories) for one in np.unique(cameras)}
    said = []
    for camera, row in zip(cameras_of(rows), rows.select(["sample", "width", "height"]).to_pylist(), strict=True):
        sides = np.array([row["width"], row["height"]] * 2)
        for one in known.get(camera, anywhere):
            x, y, w, h = (one.box * sides).tolist()
            said.append(
                {"sample": row["sample"], "x": x, "y": y, "w": w, "h": h, "category": one.category, "score": one.score}
            )
    return pa.Table.from_pylist(said, SCHEMA)


def _usual(rows: pa.Table, positions: npt.NDArray[np.int64], categories: Sequence[str]) -> list[Usual]:
    """What is usual in these images, the most frequent first."""
    chosen = rows.select(["width", "height", "truth"]).take(positions).to_pylist()
    found = []
    for category in categories:
        shares = [
            [one["x"] / row["width"], one["y"] / row["height"], one["w"] / row["width"], one["h"] / row["height"]]
            for row in chosen
            for one in row["truth"]
            if one["category"] == category and not one["crowd"]
        ]
        listed = np.array(shares).reshape(-1, 4)
        step = -(-len(listed) // ENOUGH) or 1
        found += [Usual(category, box, min(1.0, count * step / len(chosen))) for box, count in _groups(listed[::step])]
    return sorted(found, key=lambda one: -one.score)[:MOST]


def _groups(listed: Floats) -> Iterator[tuple[Floats, int]]:
    """Means of boxes that overlap, the largest group first, with their counts."""
    alike = _overlaps(listed) >= ALIKE
    left = np.ones(len(listed), bool)
    for _ in range(MOST):
        counts = alike[:, left].sum(axis=1) * left
        if not counts.any():
            return
        members = alike[int(counts.argmax())] & left
        yield listed[members].mean(axis=0), int(members.sum())
        left &= ~members


def _overlaps(listed: Floats) -> npt.NDArray[np.float32]:
    """Intersection over union of every two."""
    x, y, w, h = listed.astype(np.float32).T
    wide = np.minimum.outer(x + w, x + w) - np.maximum.outer(x, x)
    high = np.minimum.outer(y + h, y + h) - np.maximum.outer(y, y)
    shared = wide.clip(0) * high.clip(0)
    result: npt.NDArray[np.float32] = shared / (np.add.outer(w * h, w * h) - shared).clip(1e-9)
    return result
