"""Judging bay-occupancy: a line for each patch, drawn again by occasion, sliced by light, weather, site and camera."""

from typing import Final

import numpy as np
import pyarrow as pa

from slipway.training.evaluation.classification import Answers, judge_classes
from slipway.training.evaluation.judged import Judged
from slipway.training.evaluation.predicted import probabilities_of
from slipway.training.evaluation.slices import clusters_of, labels_of, slices_of
from slipway.training.models.bay_occupancy.data import STATES

SLICES: Final = {name: name for name in ("light", "weather", "site", "camera")}


def judged(predictions: pa.Table, rows: pa.Table) -> Judged:
    """Predictions: `sample`, and the probability of each state, `free` and `occupied`."""
    truth = np.array([STATES.index(state) for state in labels_of(rows, "state").tolist()], np.int64)
    answers = Answers(probabilities_of(predictions, rows, STATES), truth, STATES, positive=STATES.index("occupied"))
    shown = rows.select(["sample", *SLICES])
    return judge_classes(answers, slices_of(rows, SLICES), shown, clusters_of(labels_of(rows, "occasion")))
