"""The recogniser's metrics against independent implementations."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, roc_auc_score, roc_curve

from slipway.training.evaluation.classification import Answers, details_of, judge_classes, metrics_of

ROWS = 300
Floats = npt.NDArray[np.float64]


def answers(seed: int, classes: int, positive: int | None = None, *, rounded: bool = False) -> Answers:
    """Probabilities that know something of the truth; rounded ones have many ties."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, classes, ROWS)
    scores = chance.normal(0, 1, (ROWS, classes)) + 1.2 * np.eye(classes)[truth]
    if rounded:
        scores = np.round(scores)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Answers(probabilities, truth, tuple("abcdef"[:classes]), positive)


def naive_calibration_error(given: Answers, weights: Floats) -> float:
    """As its definition reads, row by row."""
    bins: dict[int, list[tuple[float, float, float]]] = {}
    for line, truth, weight in zip(given.probabilities.tolist(), given.truth.tolist(), weights.tolist(), strict=True):
        best = max(line)
        right = 1.0 if line.index(best) == truth else 0.0
        bins.setdefault(min(int(best * 15), 14), []).append((best, right, weight))
    total = sum(weight for found in bins.values() for _, _, weight in found)
    error = 0.0
    for found in bins.values():
        held = sum(weight for _, _, weight in found)
        if held:
            stated = sum(best * weight for best, _, weight in found) / held
            true = sum(right * weight for _, right, weight in found) / held
            error += held / total * abs(stated - true)
    return error


def expected(given: Answers, weights: Floats) -> dict[str, float]:
    """What scikit-learn says when each row is repeated as often as its unit counts."""
    rows = np.repeat(np.arange(ROWS), weights.astype(int))
    truth, scores, said = given.truth[rows], given.probabilities[rows], given.probabilities.argmax(axis=1)[rows]
    if given.positive is None:
        f1 = f1_score(truth, said, average="macro")
        auroc = np.mean([roc_auc_score(truth == one, scores[:, one]) for one in range(len(given.classes))])
    else:
        f1 = f1_score(truth == given.positive, said == given.positive)
        auroc = roc_auc_score(truth == given.positive, scores[:, given.positive])
    return {
        "accuracy": accuracy_score(truth, said),
        "f1": f1,
        "auroc": float(auroc),
        "calibration_error": naive_calibration_error(given, weights),
    }


@pytest.mark.parametrize("rounded", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize(("classes", "positive"), [(2, 1), (2, 0), (2, None), (4, None), (4, 2)])
def test_metrics_are_those_of_independent_implementations_for_every_draw(
    classes: int, positive: int | None, rounded: bool, seed: int
) -> None:
    given = answers(seed, classes, positive, rounded=rounded)
    found = metrics_of(given)
    for draw in range(5):
        weights = np.random.default_rng([seed, draw]).integers(0, 3 if draw else 2, ROWS).astype(float)
        weights += draw == 0
        for name, value in expected(given, weights).items():
            assert found[name](weights) == pytest.approx(value, abs=1e-12), name


def test_many_draws_at_once_give_what_each_gives_alone(seed: int) -> None:
    given = answers(seed, 3)
    weights = np.random.default_rng(seed).integers(0, 3, (7, ROWS)).astype(float)
    for name, metric in metrics_of(given).items():
        many = metric.many(weights)  # type: ignore[attr-defined]
        assert many == pytest.approx([metric(line) for line in weights]), name


def test_metrics_of_nothing_and_of_one_class_alone_are_not_defined_rather_than_wrong() -> None:
    given = Answers(np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, 1]), ("free", "occupied"), 1)
    found = metrics_of(given)
    assert all(np.isnan(metric(np.zeros(2))) for metric in found.values())
    assert np.isnan(found["auroc"](np.ones(2)))
    assert found["accuracy"](np.ones(2)) == 0.5


def test_details_hold_confusion_curves_and_reliability(seed: int) -> None:
    given = answers(seed, 2, 1, rounded=True)
    details = details_of(given)
    assert details["confusion"] == confusion_matrix(given.truth, given.said).tolist()
    false, true, thresholds = roc_curve(given.truth, given.probabilities[:, 1], drop_intermediate=False)
    curve = details["curves"]["b"]
    assert curve["threshold"] == pytest.approx(thresholds[1:], abs=1e-6)
    assert curve["false_positive_rate"] == pytest.approx(false[1:], abs=1e-6)
    assert curve["recall"] == pytest.approx(true[1:], abs=1e-6)
    reliability = details["reliability"]
    assert sum(reliability["rows"]) == ROWS
    gaps = zip(reliability["rows"], reliability["accuracy"], reliability["confidence"], strict=True)
    error = sum(rows * abs(right - stated) for rows, right, stated in gaps) / ROWS
    assert error == pytest.approx(naive_calibration_error(given, np.ones(ROWS)), abs=1e-5)


def test_each_row_tells_how_wrong_it_was(seed: int) -> None:
    given = answers(seed, 3)
    samples = pa.table({"sample": [str(row) for row in range(ROWS)]})
    judged = judge_classes(given, {}, samples)
    error = np.array(judged.samples["error"])
    assert error == pytest.approx(1 - given.probabilities[np.arange(ROWS), given.truth])
    assert judged.falling == {"calibration_error"}
    assert next(iter(judged.metrics)) == "accuracy"
