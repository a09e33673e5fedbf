"""Judging a recogniser: accuracy, F1, AUROC and calibration error. A unit is a row.

* `accuracy`: the share of rows whose most probable class is the true one. Of equal ones the first counts.
* `f1`: of the positive class where there is one; else the mean over the classes that occur in truth or prediction.
* `auroc`: the probability that a row of the class is scored above one that is not of it, equal scores counting half; of
  the positive class, else the mean over the classes that have both.
* `calibration_error`: 15 bins of equal width over the probability of the predicted class; the mean distance between
  that probability and the share that is right, each bin weighing as many rows as it has.

All of them take thousands of draws at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.training.evaluation.judged import Judged, Metric, Weights
from slipway.training.evaluation.weighted import Mean, Values, Weighted, mean_defined, ratio

BINS: Final = 15
CURVE_POINTS: Final = 200
"""At most so many points of a curve are kept."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What was said of rows, and what is true."""

    probabilities: Values
    """Of (rows, classes); each line makes 1."""
    truth: Integers
    """The number of each row's class."""
    classes: tuple[str, ...]
    positive: int | None = None
    """The class that F1, AUROC and curves speak of; None takes all alike."""

    @property
    def said(self) -> Integers:
        """The number of the most probable class."""
        return np.asarray(np.argmax(self.probabilities, axis=1), np.int64)

    @property
    def confidence(self) -> Values:
        """The probability of the most probable class."""
        return np.asarray(self.probabilities.max(axis=1), np.float64)


def judge_classes(
    answers: Answers, slices: Mapping[str, npt.NDArray[np.str_]], samples: pa.Table, clusters: Integers | None = None
) -> Judged:
    """Ready to be counted. `samples` has a line for each row; `error`, `truth`, `said`, `probability` are added."""
    rows = np.arange(len(answers.truth))
    names = np.array(answers.classes)
    added = {
        "error": 1.0 - answers.probabilities[rows, answers.truth],
        "truth": names[answers.truth],
        "said": names[answers.said],
        "probability": answers.confidence,
    }
    for name, column in added.items():
        samples = samples.append_column(name, pa.array(column))
    return Judged(
        metrics=metrics_of(answers),
        units=len(rows),
        slices=slices,
        samples=samples,
        details=details_of(answers),
        falling=frozenset({"calibration_error"}),
        clusters=clusters,
    )


def metrics_of(answers: Answers) -> dict[str, Metric]:
    """The four metrics by name; the first is the headline."""
    return {
        "accuracy": Mean((answers.said == answers.truth).astype(float)),
        "f1": F1(answers),
        "auroc": Auroc(answers),
        "calibration_error": CalibrationError(answers),
    }


class F1(Weighted):
    """Twice what is right, of all that is so or is said to be."""

    def __init__(self, answers: Answers) -> None:
        classes = np.arange(len(answers.classes))
        true = answers.truth[:, None] == classes
        said = answers.said[:, None] == classes
        chosen = slice(None) if answers.positive is None else [answers.positive]
        self._right = (true & said)[:, chosen].astype(float)
        self._named = true[:, chosen].astype(float) + said[:, chosen]

    def many(self, weights: Weights) -> Values:
        return mean_defined(ratio(2.0 * (weights @ self._right), weights @ self._named))


class Auroc(Weighted):
    """How probably a row of a class is scored above one of another."""

    def __init__(self, answers: Answers) -> None:
        classes = range(len(answers.classes)) if answers.positive is None else [answers.positive]
        self._parts = [_ranked(answers.probabilities[:, one], answers.truth == one) for one in classes]

    def many(self, weights: Weights) -> Values:
        return mean_defined(np.stack([_above(weights, *part) for part in self._parts], axis=1))


class CalibrationError(Weighted):
    """How far from the truth the stated probabilities are."""

    def __init__(self, answers: Answers) -> None:
        place = bins_of(answers.confidence)[:, None] == np.arange(BINS)
        self._gap = place * ((answers.said == answers.truth) - answers.confidence)[:, None]

    def many(self, weights: Weights) -> Values:
        return ratio(np.abs(weights @ self._gap).sum(axis=1), weights.sum(axis=1))


def bins_of(confidence: Values) -> Integers:
    """The bin of each probability; a bin holds its lower edge, the last one both."""
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def _ranked(scores: Values, positive: npt.NDArray[np.bool_]) -> tuple[Integers, Integers, npt.NDArray[np.bool_]]:
    """Rows from the lowest score to the highest, where each distinct score begins, and which rows are positive."""
    order = np.argsort(scores, kind="stable")
    begins = np.flatnonzero(np.diff(scores[order], prepend=-np.inf) > 0)
    return order, begins, positive[order]


def _above(weights: Weights, order: Integers, begins: Integers, positive: npt.NDArray[np.bool_]) -> Values:
    """Pairs in the right order, of all pairs, for weights of (draws, rows)."""
    weights = weights[:, order]
    up = np.add.reduceat(weights * positive, begins, axis=1)
    down = np.add.reduceat(weights * ~positive, begins, axis=1)
    below = np.cumsum(down, axis=1) - down
    return ratio((up * (below + down / 2)).sum(axis=1), up.sum(axis=1) * down.sum(axis=1))


def details_of(answers: Answers) -> dict[str, Any]:
    """Confusion, curves and reliability of all rows, as JSON can say them."""
    classes = len(answers.classes)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (answers.truth, answers.said), 1)
    shown = range(classes) if answers.positive is None else [answers.positive]
    return {
        "classes": list(answers.classes),
        "confusion": confusion.tolist(),
        "curves": {answers.classes[one]: _curves(answers, one) for one in shown},
        "reliability": _reliability(answers),
    }


def _curves(answers: Answers, one: int) -> dict[str, list[float]]:
    """Precision over recall, and true over false positive rate, from the strictest threshold on."""
    positive = answers.truth == one
    order, begins, ordered = _ranked(answers.probabilities[:, one], positive)
    ends = len(order) - begins[::-1]
    hits = np.cumsum(ordered[::-1])[ends - 1].astype(float)
    recall = hits / max(1, int(positive.sum()))
    false = (ends - hits) / max(1, int((~positive).sum()))
    chosen = np.unique(np.linspace(0, len(ends) - 1, min(len(ends), CURVE_POINTS)).astype(int))
    found = {"recall": recall, "precision": hits / ends, "false_positive_rate": false}
    found["threshold"] = answers.probabilities[order[begins[::-1]], one]
    return {name: [round(float(value), 6) for value in line[chosen]] for name, line in found.items()}


def _reliability(answers: Answers) -> dict[str, list[float]]:
    """For each bin that has rows: how many, their mean probability, and the share that is right."""
    place = bins_of(answers.confidence)
    count = np.bincount(place, minlength=BINS)
    there = np.flatnonzero(count)
    stated = np.bincount(place, answers.confidence, BINS)[there] / count[there]
    right = np.bincount(place, (answers.said == answers.truth).astype(float), BINS)[there] / count[there]
    return {
        "rows": [float(value) for value in count[there]],
        "confidence": [round(float(value), 6) for value in stated],
        "accuracy": [round(float(value), 6) for value in right],
    }
