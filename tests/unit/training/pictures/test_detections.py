"""A detector's pictures: what is there and what was found stand where they are, in the colours that they mean."""

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
import torch

from slipway.training.detection.answers import SCHEMA
from slipway.training.evaluation.detection import judge_boxes
from slipway.training.evaluation.judged import Judged
from slipway.training.pictures.canvas import FAINT
from slipway.training.pictures.detections import RIGHT, THERE, WRONG, described, draw_detections, outlines
from slipway.training.reading.philox import Integers
from slipway.training.reading.pixels import Pixels
from slipway.training.task import Examples

CATEGORIES = ("car", "van")
COUNT = 6


class Grey:
    """Images of half the size that the table says."""

    grain, count, size = 1, COUNT, (60, 80)

    def read(self, rows: Integers, out: Pixels) -> None:
        """Each image has its own grey."""
        out[...] = (40 + 20 * rows)[:, None, None, None]


@pytest.fixture
def examples() -> Examples:
    """Images of 160 x 120 with a car each, in three sequences."""
    rows = [
        {
            "sample": f"{number:064x}", "width": 160, "height": 120, "site": "harbour", "camera": None, "light": "day",
            "weather": None, "sequence": f"s{(number + 1) // 2}",
            "truth": [_box(20, 30, 40, 20), _box(100, 80, 30, 30) | {"ignored": True}],
        }
        for number in range(COUNT)
    ]  # fmt: skip
    return Examples(Grey(), {"count": torch.ones(COUNT)}, pa.Table.from_pylist(rows))


@pytest.fixture
def judged(examples: Examples) -> Judged:
    """Found in the first image: the car, the ignored box and one that is not there."""
    boxes = ((20, 30, 40, 20, 0.9), (100, 80, 30, 30, 0.8), (0, 0, 30, 30, 0.7), (0, 90, 9, 9, 0.01))
    lines = [dict(zip(("x", "y", "w", "h", "score"), box, strict=True)) for box in boxes]
    table = pa.Table.from_pylist([{"sample": "0" * 64, "category": "car", **line} for line in lines])
    return judge_boxes(table, examples.rows, CATEGORIES)


def test_both_pictures_are_drawn_and_hold_boxes(judged: Judged, examples: Examples, tmp_path: Path) -> None:
    drawn = draw_detections(judged, examples, tmp_path)
    assert [path.name for path in drawn] == ["precision-recall.png", "worst.png"]
    for path in drawn:
        assert cv2.imread(str(path)) is not None
    worst = cv2.imread(str(drawn[1]))
    assert worst is not None
    for colour in (THERE, RIGHT, WRONG):
        assert _near(worst, colour) > 5, colour


def test_boxes_have_the_colours_that_they_mean_in_the_pixels_of_the_network(judged: Judged) -> None:
    row = judged.samples.slice(0, 1).to_pylist()[0]
    assert outlines(row, (0.5, 0.5)) == [
        (10, 15, 30, 25, THERE),
        (50, 40, 65, 55, FAINT),
        (10, 15, 30, 25, RIGHT),
        (50, 40, 65, 55, FAINT),
        (0, 0, 15, 15, WRONG),
    ]
    assert described(row) == "missed 0.1, invented 0.7\nharbour day"


def test_pictures_without_anything_there_or_found_are_drawn_too(examples: Examples, tmp_path: Path) -> None:
    rows = examples.rows.to_pylist()
    empty = pa.Table.from_pylist([row | {"truth": []} for row in rows], examples.rows.schema)
    nothing = SCHEMA.empty_table()
    judged = judge_boxes(nothing, empty, CATEGORIES)
    for path in draw_detections(judged, Examples(examples.source, {}, empty), tmp_path):
        assert path.stat().st_size > 0


def _box(x: float, y: float, w: float, h: float) -> dict[str, object]:
    sides = {"x": float(x), "y": float(y), "w": float(w), "h": float(h)}
    return {**sides, "category": "car", "area": float(w * h), "crowd": False, "ignored": False}


def _near(image: np.ndarray, colour: str) -> int:
    """How many pixels have about this colour."""
    wanted = [int(colour[place : place + 2], 16) for place in (5, 3, 1)]
    return int((np.abs(image.astype(int) - wanted).max(axis=2) < 60).sum())
