"""What of a sweep's budget the next trial may have."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.training.sweep.budget import Purse

AMOUNTS = st.decimals(0, 1000, places=4)


@pytest.mark.parametrize(
    ("held", "need", "places", "limit"),
    [
        ("0", "0", 1, "10"),
        ("0", "0", 4, "2.5"),
        ("0", "4", 4, "4"),
        ("4", "4", 1, "6"),
        ("7", "4", 1, None),
        ("10", "0", 1, None),
        ("12", "0", 1, None),
    ],
)
def test_a_trial_has_what_such_trials_need_or_its_share_of_what_is_free(
    held: str, need: str, places: int, limit: str | None
) -> None:
    purse = Purse(Decimal(10), Decimal(held), Decimal(need))
    assert purse.limit(places) == (Decimal(limit) if limit else None)


@given(budget=AMOUNTS, need=AMOUNTS, parallel=st.integers(1, 8), used=st.lists(st.floats(0, 1), max_size=40))
def test_trials_that_keep_their_limits_never_cost_more_than_the_budget(
    budget: Decimal, need: Decimal, parallel: int, used: list[float]
) -> None:
    running: list[Decimal] = []
    ended = Decimal(0)
    for share in used:
        while len(running) < parallel:
            limit = Purse(budget, ended + sum(running), need).limit(parallel - len(running))
            if limit is None:
                break
            assert limit >= min(need, budget)
            running.append(limit)
        if running:
            ended += running.pop(0) * Decimal(str(share))
        assert ended + sum(running) <= budget


def test_the_reason_says_what_is_left_and_what_would_be_needed() -> None:
    told = Purse(Decimal(5), Decimal("4.2"), Decimal("1.1")).told("USD")
    assert (
        told == "USD 4.20 of the budget of USD 5.00 are spent or promised; a trial is expected to cost up to USD 1.10."
    )
