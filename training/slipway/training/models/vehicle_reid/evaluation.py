"""Judging vehicle-reid: every picture is searched for among all others, sliced by what the searched one shows.

Predictions are the table of `training.evaluation.embeddings`: `sample` and `embedding`.
"""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from slipway.training.evaluation import retrieval
from slipway.training.evaluation.embeddings import embeddings_of
from slipway.training.evaluation.judged import Judged

SLICES: Final = ("light", "weather", "site", "camera", "category")


def judged(predictions: pa.Table, rows: pa.Table) -> Judged:
    """mAP, CMC and mINP, drawn again by individual."""
    return retrieval.judged(embeddings_of(predictions, rows), rows, SLICES)


def described(line: Mapping[str, Any]) -> str:
    """A line of what was judged, in two short lines for a picture."""
    return f"{line['identity']}: first match {line['first']}\n{line['camera']}"
