"""Metrics that take many draws at once, much faster than one by one, and the means that they are made of."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from slipway.training.evaluation.judged import Weights

Values = npt.NDArray[np.float64]


class Weighted(ABC):
    """A metric that is written for many draws; one alone is many with one line."""

    @abstractmethod
    def many(self, weights: Weights) -> Values:
        """A value for each line of (draws, units); NaN where it is not defined."""

    def __call__(self, weights: Weights) -> float:
        return float(self.many(np.asarray(weights, np.float64)[None])[0])


class Mean(Weighted):
    """The mean of a score over units, each as often as it counts."""

    def __init__(self, scores: Values) -> None:
        self._scores = scores

    def many(self, weights: Weights) -> Values:
        return ratio(weights @ self._scores, weights.sum(axis=1))


def ratio(part: Values, whole: Values) -> Values:
    """NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def mean_defined(table: Values) -> Values:
    """The mean over what is defined in each line; NaN where nothing is."""
    defined = np.isfinite(table)
    return ratio(np.where(defined, table, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))
