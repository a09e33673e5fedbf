"""What a stream says of a map is what the gates judged when the model was trained."""

import numpy as np
import pyarrow as pa

from slipway.serving.bundle.contract import Contract
from slipway.serving.edge.streams.answers import boxes_of
from slipway.serving.runtime.pictures import placement
from slipway.training.detection.answers import table

MAP = Contract.model_validate(
    {
        "inputs": [{"name": "images", "dims": ["batch", 3, 40, 40]}],
        "outputs": [
            {"name": "peaks", "dims": ["batch", 2, 5, 5], "meaning": "Scores; categories are car and van."},
            {"name": "boxes", "dims": ["batch", 4, 5, 5], "meaning": "said"},
        ],
        "dims": {"batch": {}},
        "thresholds": {"vehicle": 0.5},
    }
)


def test_boxes_are_those_that_the_gates_judge() -> None:
    chance = np.random.default_rng(3)
    outputs = {
        "peaks": chance.random((1, 2, 5, 5), np.float32),
        "boxes": (chance.random((1, 4, 5, 5), np.float32) * 20 + np.array([0, 0, 20, 20])[None, :, None, None]).astype(
            np.float32
        ),
    }
    found = boxes_of(outputs, 0, MAP, placement((480, 640), MAP.inputs[0]), overlap=1.0)
    rows = pa.table({"sample": ["one"], "width": [640], "height": [480]})
    judged = table(outputs["peaks"], outputs["boxes"], rows, ["car", "van"], (40, 40), 100, 0.5).to_pylist()
    assert [(one.category, one.score) for one in found] == [(one["category"], one["score"]) for one in judged]
    sides = [[one["x"], one["y"], one["x"] + one["w"], one["y"] + one["h"]] for one in judged]
    assert np.allclose([one.box for one in found], sides)
