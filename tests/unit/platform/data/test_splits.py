"""Splits follow from the group alone, the same for ever."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from slipway.platform.data.schema import SPLITS
from slipway.platform.data.splits import day_group, split_of


def test_groups_never_change_their_split() -> None:
    groups = [f"vehicle/{number:04d}" for number in range(12)]
    assert " ".join(split_of(group) for group in groups) == (
        "train train train validation test test train train test train train train"
    )


@given(st.text())
def test_every_group_has_one_split_and_held_out_ones_are_test(group: str) -> None:
    assert split_of(group) in SPLITS
    assert split_of(group, held_out=True) == "test"


def test_shares_are_about_what_they_should_be() -> None:
    counts = Counter(split_of(str(number)) for number in range(4000))
    assert 0.65 < counts["train"] / 4000 < 0.75
    assert 0.12 < counts["validation"] / 4000 < 0.18


def test_a_day_at_a_site_is_a_group_also_where_one_is_unknown() -> None:
    assert day_group("north", "2026-11-20") != day_group("south", "2026-11-20")
    assert day_group(None, None) == day_group(None, None)
