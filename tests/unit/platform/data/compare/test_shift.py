"""When the make-up of the data is said to have shifted, and when it is noise."""

import random
from typing import Any

import numpy as np
import pytest

from slipway.platform.data.shift import chance, chi_square_tail, distance, shifts


@pytest.mark.parametrize(
    ("value", "freedom", "expected"),
    [(3.841, 1, 0.05), (6.635, 1, 0.01), (5.991, 2, 0.05), (7.815, 3, 0.05), (18.307, 10, 0.05), (24.996, 15, 0.05)],
)
def test_the_tail_of_chi_square_is_the_tables(value: float, freedom: int, expected: float) -> None:
    assert chi_square_tail(value, freedom) == pytest.approx(expected, rel=2e-3)


def test_the_distance_runs_from_equal_shares_to_nothing_in_common() -> None:
    assert distance(np.array([10.0, 30.0]), np.array([20.0, 60.0])) == 0
    assert distance(np.array([10.0, 0.0]), np.array([0.0, 5.0])) == 1
    assert distance(np.array([50.0, 50.0]), np.array([60.0, 40.0])) == distance(
        np.array([60.0, 40.0]), np.array([50.0, 50.0])
    )


def test_without_rows_in_common_the_test_is_pearsons() -> None:
    before, after = np.array([30.0, 70.0]), np.array([45.0, 55.0])
    table = np.array([before, after])
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    pearson = ((table - expected) ** 2 / expected).sum()
    assert chance(before, after, 0) == pytest.approx(chi_square_tail(float(pearson), 1))


def test_rows_in_common_do_not_hide_a_day_that_is_all_different() -> None:
    before, after = np.array([500.0, 500.0]), np.array([500.0, 700.0])
    assert chance(before, after, 1000) < 1e-9
    assert chance(before, after, 1000) < chance(before, after, 0)


@pytest.mark.parametrize(
    ("before", "after"), [((0, 1000), (200, 1300)), ((0, 500), (0, 2000)), ((0, 800), (800, 1500))]
)
def test_chance_is_evenly_spread_where_nothing_but_chance_is_at_work(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    random_numbers = np.random.default_rng(0)
    common = max(0, before[1] - after[0])
    found = []
    for _ in range(400):
        rows = random_numbers.choice(3, size=2000, p=[0.6, 0.3, 0.1])
        first, second = (np.bincount(rows[slice(*one)], minlength=3).astype(float) for one in (before, after))
        found.append(chance(first, second, common))
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.09
    assert 0.44 < np.mean(found) < 0.56


def test_noise_is_no_shift_and_a_planted_one_comes_first(make: Any, shot: Any) -> None:
    draw = random.Random(1)

    def light(share_of_night: float) -> str:
        return "night" if draw.random() < share_of_night else "day"

    before = make([shot(f"a{n}").but(light=light(0.5), weather=draw.choice(["dry", "rain"])) for n in range(150)])
    after = make([shot(f"b{n}").but(light=light(0.9), weather=draw.choice(["dry", "rain"])) for n in range(150)])
    first, *others = shifts(before, after)
    assert (first.column, first.shifted) == ("light", True)
    assert [one.column for one in others if one.shifted] == []
    value, share_before, share_after = first.shares()[0]
    assert value in {"day", "night"}
    assert abs(share_after - share_before) > 0.3


def test_a_slice_that_one_side_lacks_counts_as_without_value(make: Any, shot: Any) -> None:
    before = make([shot(f"a{n}") for n in range(30)])
    after = make([shot(f"b{n}").but(slices={"zone": "ramp"}) for n in range(30)])
    (zone,) = [one for one in shifts(before, after) if one.column == "slice_zone"]
    assert zone.shifted
    assert (zone.before, zone.after, zone.distance) == ({"none": 30}, {"ramp": 30}, 1.0)
