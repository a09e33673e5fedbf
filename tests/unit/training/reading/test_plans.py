"""The order of rows: a pure function of the step, the same for any number of processes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.platform.errors import WrongUse
from slipway.training.reading.permutation import permuted
from slipway.training.reading.philox import Integers
from slipway.training.reading.plans import NONE, Plan, Sequential, Share, Shuffled

COUNT = st.integers(1, 700)
BATCH = st.integers(1, 90)
SEED = st.integers(0, 2**40)
WORLDS = (1, 2, 4)


def at(plan: Plan, *steps: int) -> Integers:
    """The rows of steps, in a row."""
    return plan.at(np.array(steps)).ravel()


@given(count=COUNT, key=st.integers(0, 2**64 - 1))
def test_a_permutation_has_every_number_once(count: int, key: int) -> None:
    assert sorted(permuted(np.arange(count), count, key).tolist()) == list(range(count))


@given(count=st.integers(1, 10**12), position=st.data(), key=st.integers(0, 2**64 - 1))
def test_one_position_of_a_huge_permutation_is_had_without_the_others(
    count: int, position: st.DataObject, key: int
) -> None:
    asked = np.array([position.draw(st.integers(0, count - 1)), 0])
    found = permuted(asked, count, key)
    assert 0 <= found.min() <= found.max() < count
    assert permuted(asked[:1], count, key)[0] == found[0]
    assert (found[0] == found[1]) == (asked[0] == 0)


@pytest.mark.parametrize("count", [2, 5, 17])
def test_every_row_comes_to_every_place_about_as_often(count: int) -> None:
    epochs = 1000
    places = np.stack([permuted(np.arange(count), count, key) for key in range(epochs)])
    for place in range(count):
        often = np.bincount(places[:, place], minlength=count)
        assert abs(often - epochs / count).max() < 6 * np.sqrt(epochs / count)


@given(count=COUNT, batch=BATCH, seed=SEED)
def test_every_epoch_of_a_shuffled_plan_has_every_row_once(count: int, batch: int, seed: int) -> None:
    plan = Shuffled(count, batch, seed)
    rows = at(plan, *range(2 * plan.epoch_steps))
    for epoch in range(2):
        assert sorted(rows[epoch * count : (epoch + 1) * count].tolist()) == list(range(count))


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = {tuple(at(Shuffled(64, 64, seed), epoch).tolist()) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@given(count=COUNT, batch=st.integers(1, 9), seed=SEED, steps=st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_a_steps_batch_does_not_depend_on_the_steps_asked_with_it(
    count: int, batch: int, seed: int, steps: list[int]
) -> None:
    plan = Shuffled(count, batch, seed)
    assert at(plan, *steps).tolist() == [row for step in steps for row in at(plan, step).tolist()]


@given(count=COUNT, per_share=st.integers(1, 20), seed=SEED, step=st.integers(0, 100))
def test_the_shares_of_1_2_and_4_processes_make_the_same_batch_in_the_same_order(
    count: int, per_share: int, seed: int, step: int
) -> None:
    for plan in (Shuffled(count, 4 * per_share, seed), Sequential(count, 4 * per_share)):
        whole = plan.at(np.array([step]))[0]
        for world in WORLDS:
            shares = [Share(rank, world).of(whole) for rank in range(world)]
            assert np.concatenate([rows for rows, _ in shares]).tolist() == whole[whole != NONE].tolist()
            assert np.concatenate([places for _, places in shares]).tolist() == np.flatnonzero(whole != NONE).tolist()
            lengths = [len(rows) for rows, _ in shares]
            assert max(lengths) - min(lengths) <= 1


@given(count=COUNT, batch=BATCH)
def test_a_sequential_plan_has_every_row_once_in_its_order(count: int, batch: int) -> None:
    plan = Sequential(count, batch)
    rows = at(plan, *range(plan.epoch_steps))
    assert rows[rows != NONE].tolist() == list(range(count))
    assert at(plan, plan.epoch_steps).tolist() == at(plan, 0).tolist()


def test_unusable_sizes_are_refused() -> None:
    with pytest.raises(WrongUse, match="No rows to read"):
        Shuffled(0, 4, 0)
    with pytest.raises(WrongUse, match="batch of 0"):
        Sequential(4, 0)
    with pytest.raises(WrongUse, match="Rank 2 of 2"):
        Share(2, 2)
    with pytest.raises(WrongUse, match="6 in groups of 1 cannot be shared by 4") as raised:
        Share(0, 4).check(Shuffled(10, 6, 0))
    assert raised.value.mend == "Take a multiple of 4 as batch."
