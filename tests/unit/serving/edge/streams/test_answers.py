"""Outputs are read by the contract alone: maps and lists of boxes, classifiers, vectors."""

from typing import Any

import numpy as np
import pytest

from slipway.serving.bundle.contract import Contract
from slipway.serving.edge.streams.answers import answer_of, boxes_of, kind_of, vector_of
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.pictures import Placement

WHOLE = Placement((40, 40), (40, 40), 0, 0)


def contract(*outputs: dict[str, Any], **thresholds: float) -> Contract:
    return Contract.model_validate(
        {
            "inputs": [{"name": "images", "dims": ["batch", 3, 40, 40]}],
            "outputs": [{"meaning": "said", **one} for one in outputs],
            "dims": {"batch": {}},
            "thresholds": thresholds,
        }
    )


MAP = contract(
    {"name": "peaks", "dims": ["batch", 2, 5, 5], "meaning": "Scores; categories are car and van."},
    {"name": "boxes", "dims": ["batch", 4, 5, 5]},
    vehicle=0.5,
)


def mapped(*said: tuple[int, int, int, float, tuple[float, float, float, float]]) -> dict[str, Any]:
    peaks, boxes = np.zeros((1, 2, 5, 5), np.float32), np.zeros((1, 4, 5, 5), np.float32)
    for kind, row, column, score, box in said:
        peaks[0, kind, row, column] = score
        boxes[0, :, row, column] = box
    return {"peaks": peaks, "boxes": boxes}


def test_a_map_gives_what_reaches_the_threshold_the_surest_first() -> None:
    outputs = mapped((0, 1, 1, 0.6, (4, 4, 12, 12)), (1, 3, 3, 0.9, (20, 20, 36, 30)), (0, 4, 0, 0.49, (0, 0, 5, 5)))
    found = boxes_of(outputs, 0, MAP, WHOLE)
    assert [(one.category, round(one.score, 3), one.box) for one in found] == [
        ("van", 0.9, (20, 20, 36, 30)),
        ("car", 0.6, (4, 4, 12, 12)),
    ]


def test_one_vehicle_that_is_found_twice_is_told_once_and_neighbours_both() -> None:
    twice = mapped((0, 1, 1, 0.8, (4, 4, 20, 20)), (1, 2, 2, 0.7, (5, 4, 20, 21)))
    assert [one.category for one in boxes_of(twice, 0, MAP, WHOLE)] == ["car"]
    apart = mapped((0, 1, 1, 0.8, (4, 4, 20, 20)), (0, 2, 2, 0.7, (14, 4, 30, 20)))
    assert len(boxes_of(apart, 0, MAP, WHOLE)) == 2


def test_a_list_of_boxes_is_read_too() -> None:
    listed = contract(
        {"name": "scores", "dims": ["batch", 3, 2], "labels": ["car", "van"]},
        {"name": "boxes", "dims": ["batch", 3, 4]},
        car=0.5,
        van=0.8,
    )
    outputs = {
        "scores": np.array([[[0.9, 0.1], [0.1, 0.7], [0.2, 0.1]]], np.float32),
        "boxes": np.array([[[1, 2, 11, 12], [20, 20, 30, 30], [0, 0, 5, 5]]], np.float32),
    }
    assert kind_of(listed) == "detector"
    assert [(one.category, one.box) for one in boxes_of(outputs, 0, listed, WHOLE)] == [("car", (1, 2, 11, 12))]


def test_a_classifier_says_what_reaches_its_threshold() -> None:
    one = contract({"name": "logits", "dims": ["batch", 2], "labels": ["free", "occupied"]}, occupied=0.7)
    assert kind_of(one) == "classifier"
    doubtful = answer_of({"logits": np.array([[0.0, 0.5]], np.float32)}, 0, one)
    assert doubtful.answer == "free"
    assert sum(doubtful.scores.values()) == pytest.approx(1)
    assert answer_of({"logits": np.array([[0.0, 5.0]], np.float32)}, 0, one).answer == "occupied"


def test_anything_else_with_a_row_each_is_a_vector() -> None:
    one = contract({"name": "embedding", "dims": ["batch", 3]})
    assert kind_of(one) == "vector"
    assert vector_of({"embedding": np.eye(3, dtype=np.float32)}, 1, one).tolist() == [0, 1, 0]


def test_what_streams_cannot_use_is_refused() -> None:
    with pytest.raises(WrongUse, match="do not know what to do with the outputs depth"):
        kind_of(contract({"name": "depth", "dims": ["batch", 1, 40, 40]}))
