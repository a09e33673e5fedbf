"""Two bundles on the same rows and draws, without those that either has seen."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.models.gates import NonInferiority
from slipway.training.evaluation.judged import Judged
from slipway.training.evaluation.weighted import Mean
from slipway.training.gates.comparing import compare
from slipway.training.gates.restricted import restricted

SAMPLES = [f"s{number}" for number in range(100)]
OTHER = pa.table({"sample": ["s1"]})


def judged(scores: list[float], *, falling: bool = False, clusters: bool = False) -> Judged:
    values = np.array(scores)
    return Judged(
        metrics={"score": Mean(values)},
        units=len(values),
        slices={"half": np.array(["first" if number < len(values) / 2 else "second" for number in range(len(values))])},
        samples=pa.table({"sample": SAMPLES[: len(values)]}),
        falling=frozenset({"score"} if falling else ()),
        clusters=np.arange(len(values)) // 2 if clusters else None,
    )


def test_rows_that_either_has_seen_are_dropped_and_counted() -> None:
    champion, candidate = judged([1.0] * 50 + [0.0] * 50), judged([0.0] * 50 + [1.0] * 50)
    one, total, dropped = compare(NonInferiority(), "fp32", candidate, "fp32", champion, set(SAMPLES[:50]))
    assert (total, dropped, one.units) == (100, 50, 50)
    assert (one.first, one.second, one.low, one.high) == (0.0, 1.0, 1.0, 1.0)


def test_nothing_that_remains_has_no_interval() -> None:
    one, _, dropped = compare(NonInferiority(), "fp32", judged([1.0]), "fp32", judged([0.0]), {"s0"})
    assert (dropped, one.units, one.low, one.first) == (1, 0, None, None)


def test_a_wider_interval_is_surer() -> None:
    chance = np.random.default_rng(0)
    first, second = (judged(chance.random(100).tolist(), clusters=True) for _ in range(2))
    narrow, wide = (
        compare(NonInferiority(confidence=confidence), "fp32", first, "fp32", second, ())[0]
        for confidence in (0.8, 0.99)
    )
    assert wide.low is not None
    assert narrow.low is not None
    assert narrow.high is not None
    assert wide.low < narrow.low < narrow.high < (wide.high or 0)


def test_more_is_better_also_where_less_of_the_metric_is() -> None:
    champion, candidate = judged([0.5] * 20, falling=True), judged([0.2] * 20, falling=True)
    one = compare(NonInferiority(), "fp32", candidate, "fp32", champion, ())[0]
    assert one.low == pytest.approx(0.3)


def test_a_strange_metric_and_other_units_are_refused() -> None:
    with pytest.raises(WrongUse, match="no metric `map`"):
        compare(NonInferiority(metric="map"), "fp32", judged([1.0]), "fp32", judged([1.0]), ())
    with pytest.raises(WrongUse, match="in another order"):
        compare(NonInferiority(), "fp32", judged([1.0]), "fp32", replace(judged([1.0]), samples=OTHER), ())
    with pytest.raises(WrongUse, match="different units: 2 and 1"):
        compare(NonInferiority(), "fp32", judged([1.0, 0.0]), "fp32", judged([1.0]), ())


def test_a_restricted_judgement_is_that_of_its_units() -> None:
    scores = np.random.default_rng(1).random(30)
    chosen = scores > 0.5
    part = restricted(judged(scores.tolist(), clusters=True), chosen)
    weights = np.random.default_rng(2).integers(0, 3, part.units).astype(float)
    assert part.metrics["score"](weights) == pytest.approx((weights * scores[chosen]).sum() / weights.sum())
    assert part.units == chosen.sum() == part.samples.num_rows == len(part.slices["half"])
    assert part.clusters is not None
    assert set(part.clusters.tolist()) == set(range(part.clusters.max() + 1))
