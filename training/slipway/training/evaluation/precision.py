"""Average precision and recall of matched boxes, as functions of how often each image counts.

Matching knows no weights, so it is done once. What remains is a sum over the found boxes in order of their scores, of
which only the right ones need be looked at: between two of them precision can but fall. The result with every weight 1
is COCO's: precision made to fall steadily, read off at 101 recalls, and averaged over recalls, thresholds and those
categories that are there at all.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.training.evaluation.boxes import AREAS, THRESHOLDS, Integers, Matched, There
from slipway.training.evaluation.judged import Weights
from slipway.training.evaluation.weighted import Values, Weighted, mean_defined

RECALLS: Final = np.linspace(0.0, 1.0, 101)
NOTHING: Final = np.spacing(1.0)
AT_ONCE: Final = 4_000_000
"""Weights of found boxes that are held at once."""
AREA_NAMES: Final = tuple(AREAS)


@dataclass(frozen=True)
class Scores:
    """(draws, thresholds, categories) each; NaN where a category is not there."""

    precision: Values
    recall: Values


@dataclass(frozen=True)
class _Ranked:
    """The found boxes of one category and range of areas, the surest first, as far as they can change a value."""

    unit: Integers
    right: list[Integers]
    """At each threshold the places of the right ones."""
    spared: list[Integers]
    """At each threshold the places of those that do not count."""
    wanted: Values
    """How many true boxes each image has."""

    def only(self, units: npt.NDArray[np.bool_]) -> "_Ranked":
        """Without the images that have no weight."""
        kept = units[self.unit]
        places = np.cumsum(kept) - 1
        return _Ranked(
            self.unit[kept],
            [places[one[kept[one]]] for one in self.right],
            [places[one[kept[one]]] for one in self.spared],
            self.wanted,
        )


class Table:
    """All matches of a set of predictions, ready to be weighed."""

    def __init__(self, matched: Matched, there: There, units: int, categories: int) -> None:
        self._matched, self._there = matched, there
        self.units, self.categories = units, categories
        self._last: tuple[int, Weights, Scores] | None = None

    def scores(self, weights: Weights, area: int) -> Scores:
        """Of every line of (draws, units). Metrics ask for the same weights one after the other."""
        if self._last is not None and self._last[0] == area and self._last[1] is weights:
            return self._last[2]
        columns = [_weighed(one, weights) for one in self.ranked[area]]
        found = Scores(np.stack([one for one, _ in columns], 2), np.stack([one for _, one in columns], 2))
        self._last = (area, weights, found)
        return found

    @cached_property
    def ranked(self) -> list[list[_Ranked]]:
        """By range of areas and category."""
        return [[self._rank(area, category) for category in range(self.categories)] for area in range(len(AREAS))]

    def curve(self, category: int, threshold: int) -> Values:
        """Precision at each of the 101 recalls, every image once; 0 where the recall is not reached."""
        one = self.ranked[0][category]
        each = np.ones((len(one.unit), 1))
        recall, precision = _steps(one, each, np.cumsum(each, axis=0), threshold, np.array([one.wanted.sum()]))
        reached = np.searchsorted(recall[:, 0], RECALLS, "left")
        return np.asarray(np.append(precision[:, 0], 0.0)[reached], np.float64)

    def _rank(self, area: int, category: int) -> _Ranked:
        of = slice(*np.searchsorted(self._matched.category, [category, category + 1]))
        right, counts = self._matched.right[area, :, of], self._matched.counts[area, :, of]
        # What never counts, and what comes after the last right one, changes nothing.
        last = np.flatnonzero(right.any(axis=0)).max(initial=-1)
        ever = np.asarray(counts.any(axis=0), bool)
        kept = np.flatnonzero(ever[: last + 1])
        units = self._there.unit[self._matched.wanted[area] & (self._there.category == category)]
        return _Ranked(
            self._matched.unit[of][kept],
            [np.flatnonzero(line) for line in (right & counts)[:, kept]],
            [np.flatnonzero(~line) for line in counts[:, kept]],
            np.bincount(units, minlength=self.units).astype(np.float64),
        )


def _weighed(ranked: _Ranked, weights: Weights) -> tuple[Values, Values]:
    """Precision and recall of (draws, thresholds)."""
    ranked = ranked.only(np.asarray(weights.any(axis=0), bool))
    lines = max(1, AT_ONCE // max(1, len(ranked.unit)))
    parts = [_weighed_part(ranked, weights[begin : begin + lines]) for begin in range(0, len(weights), lines)]
    return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])


def _weighed_part(ranked: _Ranked, weights: Weights) -> tuple[Values, Values]:
    wanted = weights @ ranked.wanted
    precision, recall = np.full((2, len(weights), len(THRESHOLDS)), np.nan)
    there = wanted > 0
    # Draws lie side by side, so that every step is one over neighbouring numbers.
    each = np.ascontiguousarray(weights[there].T)[ranked.unit]
    so_far = np.cumsum(each, axis=0)
    for threshold in range(len(THRESHOLDS)):
        reached, precise = _steps(ranked, each, so_far, threshold, wanted[there])
        recalls = np.diff(_passed(reached), axis=0, prepend=0)
        precision[there, threshold] = (precise * recalls).sum(axis=0) / len(RECALLS)
        recall[there, threshold] = reached[-1] if len(reached) else 0.0
    return precision, recall


def _steps(ranked: _Ranked, each: Values, so_far: Values, threshold: int, wanted: Values) -> tuple[Values, Values]:
    """Recall, and the best precision from there on, at each right box (down) for each draw (across)."""
    right, spared = ranked.right[threshold], ranked.spared[threshold]
    hits = np.cumsum(each[right], axis=0)
    counted = so_far[right]
    if len(spared):
        before = np.concatenate([np.zeros((1, each.shape[1])), np.cumsum(each[spared], axis=0)])
        counted = counted - before[np.searchsorted(spared, right)]
    precision = hits / (counted + NOTHING)
    best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    return hits / wanted, best


def _passed(recall: Values) -> npt.NDArray[np.int64]:
    """How many of the 101 recalls are reached: a guess, then one step where rounding made it wrong."""
    guess = (recall * (len(RECALLS) - 1)).astype(np.int64)
    guess -= RECALLS[guess] > recall
    guess += RECALLS[np.minimum(guess + 1, len(RECALLS) - 1)] <= recall
    return np.minimum(guess + 1, len(RECALLS))


class _Metric(Weighted):
    """A metric of a table, over boxes of some size."""

    def __init__(self, table: Table, area: str = "all") -> None:
        self._table, self._area = table, AREA_NAMES.index(area)

    def _scores(self, weights: Weights) -> Scores:
        return self._table.scores(weights, self._area)


class AveragePrecision(_Metric):
    """Over all thresholds or at one, over all categories or of one."""

    def __init__(
        self, table: Table, area: str = "all", threshold: int | None = None, category: int | None = None
    ) -> None:
        super().__init__(table, area)
        self._thresholds = slice(None) if threshold is None else slice(threshold, threshold + 1)
        self._categories = slice(None) if category is None else slice(category, category + 1)

    def many(self, weights: Weights) -> Values:
        return _mean(self._scores(weights).precision[:, self._thresholds, self._categories])


class AverageRecall(_Metric):
    """The share of true boxes that were found, over thresholds and categories."""

    def many(self, weights: Weights) -> Values:
        return _mean(self._scores(weights).recall)


def _mean(cells: Values) -> Values:
    """Over thresholds and categories, for each draw."""
    return mean_defined(cells.reshape(len(cells), -1))
