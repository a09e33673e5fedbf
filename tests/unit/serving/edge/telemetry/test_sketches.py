"""Sketches: they add up, and tell how far a model is from its reference."""

import json

import numpy as np
import pytest

from slipway.serving.channel.pointer import Sampling
from slipway.serving.edge.telemetry.distributions import Distributions, expected_of, novelty
from slipway.serving.edge.telemetry.moments import Moments
from slipway.serving.edge.telemetry.sampling import Decision, why_sampled
from slipway.training.export.reference import made, of_answers, of_pixels

CHANCE = np.random.default_rng(7)


def pictures(rows: int, brightness: int = 100) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    shades = CHANCE.normal(brightness, 20, (rows, 1, 1, 1)) + CHANCE.normal(0, 15, (rows, 3, 16, 16))
    return shades.clip(0, 255).astype(np.uint8)


def answers(rows: int, shift: float = 0.0) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return {"logits": CHANCE.normal(shift, 1, (rows, 4)).astype(np.float32)}


@pytest.fixture(scope="module")
def reference() -> dict[str, object]:
    return made(512, None, {"images": of_pixels(pictures(512))}, of_answers(answers(512)))


def test_more_of_the_same_is_near_the_reference_and_another_thing_is_far(reference: dict[str, object]) -> None:
    same, other = Distributions(expected_of(reference)), Distributions(expected_of(reference))
    for _ in range(20):
        same.observe({"images": pictures(32)}, answers(32))
        other.observe({"images": pictures(32, brightness=190)}, answers(32, shift=4.0))
    near, far = same.divergence(), other.divergence()
    assert near.keys() == {
        *(f"inputs.images.{name}" for name in ("red", "green", "blue", "contrast")),
        *(f"outputs.logits.{name}" for name in ("mean", "greatest", "length")),
    }
    assert max(near.values()) < 0.2
    assert far["outputs.logits.mean"] > 0.9
    assert far["inputs.images.red"] > 0.9


def test_counts_of_two_devices_add_up_to_those_of_one(reference: dict[str, object]) -> None:
    expected = expected_of(reference)
    one, other, both = Distributions(expected), Distributions(expected), Distributions(expected)
    for distributions in (one, other):
        given = answers(50, shift=0.5)
        distributions.observe({}, given)
        both.observe({}, given)
    one.add(other.counts)
    assert one.divergence() == both.divergence()


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


def test_what_lies_outside_of_the_reference_is_novel(reference: dict[str, object]) -> None:
    outputs = {"logits": np.array([[0.0, 0.1, -0.1, 0.2], [60.0, 60.0, 60.0, 60.0]], np.float32)}
    usual, strange = novelty(expected_of(reference), {}, outputs)
    assert usual < 1 < strange


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
