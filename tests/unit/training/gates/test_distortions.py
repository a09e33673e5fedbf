"""Disturbed images: the same each time, stronger where asked, and row by row."""

import hashlib
from typing import Any

import numpy as np
import pytest

from slipway.training.gates.distortions import DISTORTIONS, DisturbedSource, spread
from slipway.training.reading.philox import Integers
from slipway.training.reading.pixels import Pixels

STRENGTHS: dict[str, tuple[float, float]] = {
    "blur": (0.5, 2.0), "noise": (3.0, 20.0), "jpeg": (90, 20), "darkness": (0.9, 0.4),
}  # fmt: skip


def picture() -> Pixels:
    rows, columns = np.mgrid[0:32, 0:48]
    pixels = np.stack([rows * 7 % 256, columns * 5 % 256, (rows * columns) % 256], axis=2)
    return np.ascontiguousarray(pixels, np.uint8)


class Pictures:
    """The picture, over and over."""

    grain, count, size = 8, 6, (32, 48)

    def read(self, rows: Integers, out: Pixels) -> None:
        out[: len(rows)] = picture()


@pytest.mark.parametrize("name", DISTORTIONS)
def test_a_stronger_distortion_changes_more_and_the_original_stays(name: Any) -> None:
    original = picture()
    weak, strong = (
        np.abs(DISTORTIONS[name](original, one, 3).astype(float) - picture()).mean() for one in STRENGTHS[name]
    )
    assert 0 < weak < strong
    assert np.array_equal(original, picture())


@pytest.mark.parametrize("name", DISTORTIONS)
def test_the_same_row_is_disturbed_alike(name: Any) -> None:
    first, second = (DISTORTIONS[name](picture(), STRENGTHS[name][1], 5) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.dtype == np.uint8


def test_noise_is_the_same_on_every_machine_and_another_in_every_row() -> None:
    noise = DISTORTIONS["noise"]
    grey = np.full((64, 64, 3), 128, np.uint8)
    found = noise(grey, 10, 0)
    assert (
        hashlib.sha256(found.tobytes()).hexdigest()
        == "ea150c1877da84b71426ddacb855824bc694edd0f3dcdc83d4e8599e9efde444"
    )
    assert not np.array_equal(found, noise(grey, 10, 1))
    assert np.std(found.astype(float)) == pytest.approx(10, rel=0.05)
    assert np.mean(found.astype(float)) == pytest.approx(128, abs=0.5)


def test_a_source_gives_the_chosen_rows_disturbed_by_their_own_numbers() -> None:
    source = DisturbedSource(Pictures(), np.array([1, 4]), "noise", 10)
    assert (source.count, source.size) == (2, (32, 48))
    out = np.empty((1, 32, 48, 3), np.uint8)
    source.read(np.array([1]), out)
    assert np.array_equal(out[0], DISTORTIONS["noise"](picture(), 10, 4))


def test_rows_are_spread_over_all() -> None:
    assert spread(10, 100).tolist() == list(range(10))
    assert spread(100, 3).tolist() == [0, 49, 99]
