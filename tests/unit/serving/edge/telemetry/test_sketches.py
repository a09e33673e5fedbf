"""Sketches: they add up, travel, and say nothing where they know nothing."""

import json

import numpy as np
import pytest

from slipway.serving.channel.pointer import Sampling
from slipway.serving.edge.telemetry.distributions import Distributions, expected_of
from slipway.serving.edge.telemetry.moments import Moments
from slipway.serving.edge.telemetry.sampling import Decision, why_sampled

CHANCE = np.random.default_rng(7)


def test_equal_quantiles_are_one_edge() -> None:
    told = {"quantiles": [0.0, 0.5, 0.9, 1.0], "outputs": {"peaks": {"mean": [0.0, 0.0, 0.0, 1.0]}}, "inputs": {}}
    distributions = Distributions(expected_of(told))
    distributions.observe({}, {"peaks": np.array([[0.0]] * 9 + [[0.7]], np.float32)})
    assert distributions.divergence()["outputs.peaks.mean"] == pytest.approx(0.0)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"quantiles": "many", "outputs": {"a": {"mean": [1, 2]}}},
        {"quantiles": [0.0, 1.0], "outputs": {"a": {"mean": [1, "x"]}, "b": [], "c": {"mean": [1.0]}}},
        {"quantiles": [0.0, 1.0], "outputs": {"a": {"mean": [1.0, 1.0]}}, "inputs": 7},
    ],
)
def test_a_reference_of_another_form_says_nothing(told: dict[str, object]) -> None:
    assert expected_of(told) == {}


def test_moments_add_up_and_travel_as_json() -> None:
    rows = CHANCE.normal(3, 2, (40, 6))
    both = Moments.of(rows[:15]) + Moments.from_json(json.loads(json.dumps(Moments.of(rows[15:]).as_json())))
    whole = Moments.of(rows)
    assert both.count == 40
    np.testing.assert_allclose(both.mean, whole.mean, rtol=1e-4)
    np.testing.assert_allclose(both.squares, whole.squares, rtol=1e-4)


def test_the_policy_says_what_is_sampled_and_how_much_of_it() -> None:
    policy = Sampling(confidence_below=0.4, novelty_above=2.0, per_day=10)
    assert why_sampled(policy, Decision("a", 0.3, 0.0), 9) == "low confidence"
    assert why_sampled(policy, Decision("a", 0.3, 0.0), 10) is None
    assert why_sampled(policy, Decision("a", None, 3.0), 0) == "novel"
    assert why_sampled(policy, Decision("a", 0.9, 1.0), 0) is None
    assert why_sampled(Sampling(), Decision("a", 0.0, 9.0), 0) is None


def test_a_share_is_drawn_by_the_decisions_own_names() -> None:
    policy = Sampling(share=0.25, per_day=100_000)
    kept = [name for name in map(str, range(4_000)) if why_sampled(policy, Decision(name, 1.0, 0.0), 0)]
    assert 800 < len(kept) < 1_200
    assert kept == [name for name in map(str, range(4_000)) if why_sampled(policy, Decision(name, 0.0, 5.0), 7)]
