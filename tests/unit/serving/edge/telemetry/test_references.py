"""How far a device is from the reference that the model was exported with."""

import numpy as np
import pytest

from slipway.serving.edge.telemetry.distributions import Distributions, expected_of, novelty
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
        *(f"inputs.images.{name}" for name in ("red", "green", "blue", "warmth", "contrast")),
        *(f"outputs.logits.{name}" for name in ("mean", "greatest", "length")),
    }
    assert max(near.values()) < 0.2
    assert far["outputs.logits.mean"] > 0.9
    assert far["inputs.images.red"] > 0.9


def test_light_of_another_colour_is_far_though_it_is_as_bright(reference: dict[str, object]) -> None:
    seen = Distributions(expected_of(reference))
    lamps = pictures(200).astype(np.int64)
    lamps[:, 0] += 12
    lamps[:, 2] -= 12
    seen.observe({"images": lamps.clip(0, 255).astype(np.uint8)}, {})
    far = seen.divergence()
    assert far["inputs.images.warmth"] > 0.9
    assert max(far["inputs.images.red"], far["inputs.images.green"]) < 0.6


def test_counts_of_two_devices_add_up_to_those_of_one(reference: dict[str, object]) -> None:
    expected = expected_of(reference)
    one, other, both = Distributions(expected), Distributions(expected), Distributions(expected)
    for distributions in (one, other):
        given = answers(50, shift=0.5)
        distributions.observe({}, given)
        both.observe({}, given)
    one.add(other.counts)
    assert one.divergence() == both.divergence()


def test_what_lies_outside_of_the_reference_is_novel(reference: dict[str, object]) -> None:
    outputs = {"logits": np.array([[0.0, 0.1, -0.1, 0.2], [60.0, 60.0, 60.0, 60.0]], np.float32)}
    usual, strange = novelty(expected_of(reference), {}, outputs)
    assert usual < 1 < strange
