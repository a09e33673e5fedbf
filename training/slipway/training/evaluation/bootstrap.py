"""Drawing units again: how much a value would differ on other data of the same kind.

What is drawn are clusters: units that say the same thing twice, such as pictures of one standing vehicle, come together
or not at all, for intervals of units that depend on each other would be too narrow. A draw takes as many clusters as
there are, with replacement, and is written as how often each unit came.

Draws are a function of the seed, the number of clusters and nothing else, on every machine and with every release of
numpy. So two sets of predictions on the same units meet the same draws, and the interval of their difference is that of
one and the same data. Slices are cut out of the same draws. Intervals are percentiles of the draws.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.training.evaluation.judged import Metric, Weights
from slipway.training.evaluation.weighted import Values, Weighted
from slipway.training.reading.philox import key_of

LEVEL: Final = 95.0
"""Per cent of the draws that lie in an interval."""
BLOCK: Final = 2_000_000
"""Weights that are held at once."""
LEAST_DEFINED: Final = 0.5
"""Share of the draws in which a metric must be defined to have an interval."""


def drawn(units: int, clusters: npt.NDArray[np.int64] | None, draws: int, seed: int) -> Iterator[Weights]:
    """How often each unit came: blocks of (some draws, units), together all of them."""
    count = units if clusters is None else int(clusters.max(initial=-1)) + 1
    # Of numpy's random numbers only a bit generator's raw words are promised to stay the same.
    words = np.random.Philox(key=key_of(seed, "bootstrap", count))
    block = max(1, BLOCK // max(1, units))
    for begin in range(0, draws, block):
        lines = min(block, draws - begin)
        weights = _times(words.random_raw(lines * count).reshape(lines, count))
        yield weights if clusters is None else weights[:, clusters]


def _times(words: npt.NDArray[np.uint64]) -> Weights:
    """How often each place was drawn, from a random word for each."""
    lines, count = words.shape
    chosen = ((words >> np.uint64(11)).astype(np.float64) * 2.0**-53 * count).astype(np.int64)
    chosen += np.arange(lines)[:, None] * count
    return np.bincount(chosen.ravel(), minlength=lines * count).reshape(lines, count).astype(np.float64)


def values(metric: Metric, weights: Weights) -> Values:
    """The metric of each line of (draws, units)."""
    if isinstance(metric, Weighted):
        return np.asarray(metric.many(weights), np.float64)
    return np.array([metric(line) for line in weights], np.float64)


def interval(found: Values) -> tuple[float | None, float | None]:
    """Between which values the middle 95 % of the draws lie; none where the metric was too seldom defined."""
    defined = found[np.isfinite(found)]
    if not len(found) or len(defined) < LEAST_DEFINED * len(found):
        return None, None
    edge = (100.0 - LEVEL) / 2
    low, high = np.percentile(defined, [edge, 100.0 - edge])
    return float(low), float(high)
