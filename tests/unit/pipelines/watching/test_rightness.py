"""Outcomes against what the gate measured: worse for certain, by chance, and with too little to say."""

import numpy as np
import pytest

from slipway.pipelines.watching.field import shared
from slipway.pipelines.watching.rightness import Measured, Right, judge_right, measured_in

GATE = Measured(metric="accuracy", value=0.96, error=0.008)


def judged(days: list[tuple[int, int]]) -> Right | None:
    return judge_right(days, GATE, floor=0.05, false_alarms=0.01)


def drawn(share: float, seed: int, *, spread: float = 0.03, days: int = 7, known: int = 60) -> list[tuple[int, int]]:
    random = np.random.default_rng(seed)
    shares = np.clip(share + random.normal(0, spread, days), 0, 1)
    return [(int(random.binomial(known, one)), known) for one in shares]


def test_what_is_far_worse_than_at_the_gate_is_found() -> None:
    right = judged(drawn(0.7, 1))
    assert right is not None
    assert right.worse
    assert right.known == 420


@pytest.mark.parametrize("share", [0.97, 0.93, 0.91])
def test_what_is_as_good_or_worse_by_less_than_the_floor_is_not(share: float) -> None:
    found = [judged(drawn(share, seed)) for seed in range(50)]
    assert not any(one.worse for one in found if one)


def test_one_bad_day_is_no_bad_week() -> None:
    assert not judged([(58, 60)] * 6 + [(0, 60)]).worse  # type: ignore[union-attr]


def test_too_little_is_told_and_judged_not_at_all() -> None:
    assert judged([]) is None
    assert judged([(0, 0), (0, 0)]) is None
    few = judged([(1, 10), (2, 10), (1, 10)])
    assert few is not None
    assert (few.worse, few.chance, few.share) == (False, 1.0, 4 / 30)
    assert not judged([(10, 100), (20, 100)]).worse  # type: ignore[union-attr]


def test_only_shares_of_right_decisions_can_be_compared_with_outcomes() -> None:
    accuracy = {"value": 0.9, "low": 0.88, "high": 0.92}
    found = measured_in({"overall": {"loss": {"value": 1.0}, "accuracy": accuracy}})
    assert found is not None
    assert (found.metric, found.value) == ("accuracy", 0.9)
    assert found.error == pytest.approx(0.0102, abs=1e-4)
    assert measured_in({"overall": {"ap": {"value": 0.4}}}) is None
    assert measured_in({}) is None
    alone = measured_in({"overall": {"rank-1": {"value": 0.6, "low": None, "high": None}}})
    assert alone == Measured(metric="rank-1", value=0.6, error=0.0)


@pytest.mark.parametrize(
    ("days", "expected"), [(-1, (0, 0)), (0, (0, 0)), (5, (5, 0)), (6, (3, 3)), (7, (3, 4)), (20, (7, 7))]
)
def test_the_latest_and_the_first_days_never_overlap(days: int, expected: tuple[int, int]) -> None:
    assert shared(days, 7) == expected
    assert sum(shared(days, 7)) <= max(days, 0)
