"""A judgement of some of its units: the others stay, as the gallery of a search does, and count for nothing."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from slipway.training.evaluation.bootstrap import values
from slipway.training.evaluation.judged import Judged, Metric
from slipway.training.evaluation.weighted import Values, Weighted

if TYPE_CHECKING:
    from collections.abc import Mapping

Chosen = npt.NDArray[np.bool_]
BLOCK: Final = 256


def restricted(judged: Judged, chosen: Chosen) -> Judged:
    """The judgement of the chosen units alone; `samples` has a line for each unit."""
    places = np.flatnonzero(chosen)
    clusters = None
    if judged.clusters is not None:
        clusters = np.unique(judged.clusters[places], return_inverse=True)[1].astype(np.int64)
    metrics: Mapping[str, Metric] = {name: _Some(one, chosen) for name, one in judged.metrics.items()}
    return replace(
        judged,
        metrics=metrics,
        units=len(places),
        slices={column: names[places] for column, names in judged.slices.items()},
        samples=judged.samples.take(places),
        clusters=clusters,
    )


class _Some(Weighted):
    """A metric of all units, given weights for some."""

    def __init__(self, metric: Metric, chosen: Chosen) -> None:
        self._metric, self._chosen = metric, chosen

    def many(self, weights: npt.NDArray[np.float64]) -> Values:
        blocks = [self._block(weights[begin : begin + BLOCK]) for begin in range(0, len(weights), BLOCK)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def _block(self, weights: npt.NDArray[np.float64]) -> Values:
        whole = np.zeros((len(weights), len(self._chosen)))
        whole[:, self._chosen] = weights
        return values(self._metric, whole)
