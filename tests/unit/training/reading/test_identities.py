"""P x K batches: P different individuals with K images each, from different cameras where there are any."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.platform.errors import WrongUse
from slipway.training.reading.identities import IdentityBatches, codes
from slipway.training.reading.philox import Integers
from slipway.training.reading.plans import Share

P, K = 2, 3
TABLES = st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 3)), min_size=2, max_size=60).filter(
    lambda rows: len({identity for identity, _ in rows if identity >= 0}) >= P
)


def plan_of(rows: list[tuple[int, int]], seed: int = 0, *, p: int = P, k: int = K) -> IdentityBatches:
    """A plan over identities and cameras."""
    identities, cameras = np.array(rows).T
    return IdentityBatches(identities, cameras, p=p, k=k, seed=seed)


def batch(plan: IdentityBatches, step: int) -> Integers:
    """The batch of one step."""
    return plan.at(np.array([step])).ravel()


@given(rows=TABLES, seed=st.integers(0, 2**40), step=st.integers(0, 50))
def test_a_batch_has_p_different_individuals_with_k_images_each(
    rows: list[tuple[int, int]], seed: int, step: int
) -> None:
    found = batch(plan_of(rows, seed), step).reshape(P, K)
    individuals = [{rows[row][0] for row in line} for line in found.tolist()]
    assert all(len(one) == 1 for one in individuals)
    assert len(set.union(*individuals)) == P
    assert -1 not in set.union(*individuals)


@given(rows=TABLES, seed=st.integers(0, 2**40), step=st.integers(0, 50))
def test_no_camera_gives_a_second_image_before_every_other_gave_its_first(
    rows: list[tuple[int, int]], seed: int, step: int
) -> None:
    for line in batch(plan_of(rows, seed), step).reshape(P, K).tolist():
        identity = rows[line[0]][0]
        stock = Counter(camera for one, camera in rows if one == identity)
        assert len({rows[row][1] for row in line}) == min(K, len(stock))
        assert len(set(line)) == min(K, stock.total())


@given(rows=TABLES, seed=st.integers(0, 2**40), steps=st.lists(st.integers(0, 99), min_size=1, max_size=6))
def test_a_step_can_be_asked_alone_and_in_any_company(rows: list[tuple[int, int]], seed: int, steps: list[int]) -> None:
    together = plan_of(rows, seed).at(np.array(steps))
    assert together.tolist() == [batch(plan_of(rows, seed), step).tolist() for step in steps]


def test_an_epoch_has_every_individual_once_and_another_one_shows_other_images() -> None:
    rows = [(identity, camera) for identity in range(10) for camera in range(9)]
    plan = plan_of(rows)
    first = plan.at(np.arange(plan.epoch_steps)).ravel()
    second = plan.at(np.arange(plan.epoch_steps, 2 * plan.epoch_steps)).ravel()
    for epoch in (first, second):
        assert Counter(rows[row][0] for row in epoch) == dict.fromkeys(range(10), K)
    assert set(first.tolist()) != set(second.tolist())


def test_over_the_epochs_every_image_is_shown() -> None:
    rows = [(identity, image % 2) for identity in range(4) for image in range(12)]
    plan = plan_of(rows)
    assert set(plan.at(np.arange(60)).ravel().tolist()) == set(range(len(rows)))


def test_two_processes_get_whole_individuals() -> None:
    rows = [(identity, 0) for identity in range(5) for _ in range(4)]
    plan = plan_of(rows, p=4, k=2)
    Share(0, 2).check(plan)
    pieces = [Share(rank, 2).of(batch(plan, 0))[0].tolist() for rank in range(2)]
    assert [len({rows[row][0] for row in piece}) for piece in pieces] == [2, 2]
    with pytest.raises(WrongUse, match="8 in groups of 2 cannot be shared by 3"):
        Share(0, 3).check(plan)


def test_too_few_individuals_are_told() -> None:
    with pytest.raises(WrongUse, match="the selection has 1 individuals"):
        plan_of([(0, 0), (0, 1), (-1, 1)])


def test_strings_of_a_column_become_numbers_and_none_becomes_minus_one() -> None:
    assert codes(pa.chunked_array([["b", None, "a"], ["b", "a"]])).tolist() == [0, -1, 1, 0, 1]
