"""Values, intervals, slices and differences of judged predictions."""

import math

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from slipway.platform.errors import WrongUse
from slipway.training.evaluation.assess import assess, better, paired
from slipway.training.evaluation.bootstrap import drawn
from slipway.training.evaluation.judged import Judged, Measure
from slipway.training.evaluation.weighted import Weighted

Floats = npt.NDArray[np.float64]
SAMPLES = pa.table({"sample": pa.array([], pa.string()), "error": pa.array([], pa.float64())})


class Mean:
    """The mean of what units score; counts how it is called."""

    def __init__(self, scores: Floats) -> None:
        self.scores, self.calls = scores, 0

    def __call__(self, weights: Floats) -> float:
        self.calls += 1
        return float(weights @ self.scores / weights.sum()) if weights.sum() else float("nan")


class ManyMeans(Mean, Weighted):
    """The same for many draws at once."""

    def many(self, weights: Floats) -> Floats:
        self.calls += 1
        return np.asarray(weights @ self.scores / weights.sum(axis=1), np.float64)


def judged(
    scores: Floats,
    slices: dict[str, list[str]] | None = None,
    clusters: npt.NDArray[np.int64] | None = None,
    kind: type[Mean] = ManyMeans,
) -> Judged:
    columns = {name: np.array(values) for name, values in (slices or {}).items()}
    return Judged({"mean": kind(scores)}, len(scores), columns, SAMPLES, clusters=clusters)


def covers(truth: float, one: Judged, seed: int) -> bool:
    measure = assess(one, seed=seed).overall["mean"]
    assert measure.low is not None
    assert measure.high is not None
    return measure.low <= truth <= measure.high


def width(measure: Measure) -> float:
    assert measure.low is not None
    assert measure.high is not None
    return measure.high - measure.low


def test_an_interval_holds_the_truth_in_about_95_of_100_worlds(seed: int) -> None:
    chance = np.random.default_rng(seed)
    worlds = [judged((chance.random(150) < 0.7).astype(float)) for _ in range(600)]
    share = np.mean([covers(0.7, one, number) for number, one in enumerate(worlds)])
    assert 0.9 <= share <= 0.98


def test_units_that_say_the_same_need_clusters_for_an_interval_that_holds_what_it_promises(seed: int) -> None:
    chance = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(120), 6)
    worlds = [(chance.random(120) < 0.7).astype(float)[clusters] for _ in range(200)]
    held = np.mean([covers(0.7, judged(one, clusters=clusters), number) for number, one in enumerate(worlds)])
    alone = np.mean([covers(0.7, judged(one), number) for number, one in enumerate(worlds)])
    assert 0.87 <= held <= 0.99
    assert alone < 0.75


def test_a_paired_interval_is_narrower_than_those_of_both_together_where_both_meet_the_same_difficulties(
    seed: int,
) -> None:
    chance = np.random.default_rng(seed)
    difficulty = chance.normal(0, 1, 400)
    first = judged(difficulty + chance.normal(0, 0.2, 400))
    second = judged(difficulty + 0.1 + chance.normal(0, 0.2, 400))
    (difference,) = paired(first, second)
    alone = math.hypot(*(width(assess(one).overall["mean"]) for one in (first, second)))
    assert width(difference.difference) < 0.5 * alone
    assert difference.difference.value == pytest.approx((difference.second or 0) - (difference.first or 0))
    assert better(difference)
    assert not better(difference, falling=["mean"])


def test_the_same_question_has_the_same_answer_and_another_seed_other_draws() -> None:
    one = judged(np.random.default_rng(1).random(80))
    assert assess(one) == assess(one)
    assert assess(one, seed=1).overall["mean"].low != assess(one).overall["mean"].low


def test_the_draws_of_a_seed_never_change() -> None:
    (weights,) = drawn(5, None, 3, 0)
    assert weights.astype(int).tolist() == [[2, 0, 1, 1, 1], [2, 1, 1, 1, 0], [1, 2, 0, 0, 2]]


def test_draws_are_the_same_however_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clusters = np.repeat(np.arange(30), 2)
    whole = np.concatenate(list(drawn(60, clusters, 20, 3)))
    monkeypatch.setattr("slipway.training.evaluation.bootstrap.BLOCK", 200)
    blocks = list(drawn(60, clusters, 20, 3))
    assert len(blocks) > 1
    assert np.array_equal(np.concatenate(blocks), whole)
    assert (whole.sum(axis=1) == 60).all()
    assert np.array_equal(whole[:, ::2], whole[:, 1::2])


def test_slices_have_their_own_values_and_small_ones_no_interval() -> None:
    scores = np.concatenate([np.zeros(60), np.ones(70)])
    one = judged(scores, {"light": ["night"] * 60 + ["day"] * 70, "site": ["a"] * 100 + ["b"] * 30})
    found = {(part.column, part.name): part.measures["mean"] for part in assess(one, least=50).slices}
    assert list(found) == [("light", "day"), ("light", "night"), ("site", "a"), ("site", "b")]
    assert (found["light", "night"].value, found["light", "night"].high) == (0.0, 0.0)
    assert found["site", "a"].low is not None
    assert found["site", "b"].units == 30
    assert (found["site", "b"].value, found["site", "b"].low, found["site", "b"].high) == (1.0, None, None)


def test_a_metric_that_is_not_defined_has_no_value_and_no_interval() -> None:
    class Never:
        def __call__(self, weights: Floats) -> float:  # noqa: ARG002 - it never looks
            return float("nan")

    measure = assess(Judged({"never": Never()}, 60, {}, SAMPLES)).overall["never"]
    assert (measure.value, measure.low, measure.high, measure.units) == (None, None, None, 60)


def test_metrics_that_take_many_draws_are_asked_once_for_each_group_and_others_once_for_each_draw() -> None:
    slices = {"light": ["night"] * 60 + ["day"] * 60}
    scores = np.random.default_rng(0).random(120)
    fast, slow = judged(scores, slices), judged(scores, slices, kind=Mean)
    first, second = assess(fast, draws=100), assess(slow, draws=100)
    assert first.overall["mean"].low == pytest.approx(second.overall["mean"].low)
    assert [one.metrics["mean"].calls for one in (fast, slow)] == [6, 303]  # type: ignore[attr-defined]


def test_predictions_on_other_units_cannot_be_compared() -> None:
    scores = np.random.default_rng(0).random(60)
    with pytest.raises(WrongUse, match="different units: 60 and 59"):
        paired(judged(scores), judged(scores[1:]))
    with pytest.raises(WrongUse, match="different units"):
        paired(judged(scores, {"light": ["day"] * 60}), judged(scores, {"light": ["night"] * 60}))
    with pytest.raises(WrongUse, match="different units"):
        paired(judged(scores), judged(scores, clusters=np.arange(60) // 2))


def test_whoever_waits_is_told_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.training.evaluation.bootstrap.BLOCK", 60 * 50)
    told: list[tuple[int, int]] = []
    assess(judged(np.ones(60)), draws=120, progress=lambda done, of: told.append((done, of)))
    assert told == [(50, 120), (100, 120), (120, 120)]
