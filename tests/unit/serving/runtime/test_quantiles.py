"""Quantiles that add up: close to the real ones, the same however they were counted, and read from anybody."""

import json
import math
from typing import Any

import numpy as np
import pytest

from slipway.serving.errors import WrongUse
from slipway.serving.runtime.quantiles import BUCKETS, Quantiles


def counted(values: Any) -> Quantiles:
    found = Quantiles()
    for value in values:
        found.add(float(value))
    return found


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99, 1.0])
@pytest.mark.parametrize("scale", [0.05, 1.0, 4000.0])
def test_a_quantile_is_right_to_a_twentieth(share: float, scale: float) -> None:
    values = np.random.default_rng(1).lognormal(0, 1, 2000) * scale
    real = float(np.quantile(values, share, method="inverted_cdf"))
    assert counted(values).quantile(share) == pytest.approx(real, rel=0.05)


def test_merging_is_counting_all_of_them() -> None:
    values = np.random.default_rng(2).lognormal(2, 2, 300)
    parts = [counted(values[start::3]) for start in range(3)]
    merged = Quantiles()
    for one in parts:
        merged.merge(one)
    assert merged.to_json()["counts"] == counted(values).to_json()["counts"]
    assert merged.total == pytest.approx(values.sum())
    assert merged.count == 300


def test_what_came_since_is_told_apart() -> None:
    found = counted([1, 1, 1])
    before = found.copy()
    found.add(1000, times=2)
    assert before.count == 3
    later = found.since(before)
    assert (later.count, later.total) == (2, 2000)
    assert later.quantile(0.1) == pytest.approx(1000, rel=0.05)


def test_what_no_bucket_is_made_for_is_counted_all_the_same() -> None:
    found = counted([0, -1, math.nan, 1e-9, 1e300, math.inf])
    bounds = list(found.buckets())
    assert [count for _, count in bounds] == [4, 2]
    assert bounds[-1][0] == math.inf
    assert found.quantile(0.5) == 0
    assert Quantiles().quantile(0.5) == 0


def test_bounds_hold_what_is_below_them() -> None:
    for value in (0.0011, 0.5, 1, 17, 123456):
        ((bound, _),) = counted([value]).buckets()
        assert value <= bound <= value * 1.1


def test_it_goes_through_json() -> None:
    found = counted(np.random.default_rng(3).lognormal(0, 3, 50))
    again = Quantiles.from_json(json.loads(json.dumps(found.to_json())))
    assert again.to_json() == found.to_json()
    assert again.quantile(0.9) == found.quantile(0.9)


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {"total": 1},
        {"total": 1, "counts": []},
        {"total": "1", "counts": {}},
        {"total": True, "counts": {}},
        {"total": -1, "counts": {}},
        {"total": math.nan, "counts": {}},
        {"total": 10**400, "counts": {}},
        {"total": 1, "counts": {}, "more": 1},
        {"total": 1, "counts": {str(BUCKETS): 1}},
        {"total": 1, "counts": {"-1": 1}},
        {"total": 1, "counts": {"01": 1}},
        {"total": 1, "counts": {"1": -1}},
        {"total": 1, "counts": {"1": 1.5}},
        {"total": 1, "counts": {"1": True}},
        {"total": 1, "counts": {"1": 1 << 70}},
        {"total": 1, "counts": {1: 1}},
    ],
)
def test_anything_else_is_refused(told: object) -> None:
    with pytest.raises(WrongUse):
        Quantiles.from_json(told)
