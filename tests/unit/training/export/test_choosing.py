"""The rows that an export looks at."""

from typing import Any

import numpy as np

from slipway.training.export.choosing import digest, every, pixels, spread

Bench = Any
"""`conftest.Bench`."""


def test_few_rows_are_spread_over_the_slices(bench: Bench) -> None:
    examples = bench.task.examples(bench.snapshot, "train")

    rows = spread(examples, 8, 0, "calibration")

    lights = examples.rows["light"].take(rows).to_pylist()
    assert lights.count("night") == lights.count("day") == 4  # of all rows a quarter is at night
    assert list(rows) == sorted(set(rows))


def test_the_same_rows_are_chosen_again_and_others_for_another_purpose(bench: Bench) -> None:
    examples = bench.task.examples(bench.snapshot, "train")

    first, again, other = (spread(examples, 8, 0, purpose) for purpose in ("calibration", "calibration", "golden"))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert digest(examples, first) == digest(examples, again) != digest(examples, other)


def test_all_rows_are_taken_where_there_are_too_few(bench: Bench) -> None:
    examples = bench.task.examples(bench.snapshot, "validation")

    assert np.array_equal(spread(examples, 1000, 0, "reference"), every(examples))


def test_pixels_come_as_the_network_takes_them(bench: Bench) -> None:
    examples = bench.task.examples(bench.snapshot, "validation")

    found = pixels(examples, np.array([3, 1]))

    assert found.shape == (2, 3, 64, 64)
    assert found.dtype == np.uint8
    assert np.array_equal(found[1], pixels(examples, np.array([1]))[0])
