"""Two trails say where two trainings part."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from slipway.platform.data.snapshot import Snapshot
from slipway.training.fitting.trail import Difference, first_difference, images_sum, read_trail, rows_sum

MakeAttempts = Callable[..., Any]


def trail(attempts: Any) -> Any:
    return read_trail(attempts.workplace.results / "trail.npz")


@pytest.fixture
def first(make_attempts: MakeAttempts) -> Any:
    return trail(make_attempts("first").here())


def test_the_same_training_has_no_difference(make_attempts: MakeAttempts, first: Any) -> None:
    assert first_difference(first, trail(make_attempts("second").here())) is None
    assert len(first["loss"]) == 21


def test_a_changed_seed_is_found_in_the_rows_of_the_first_step(make_attempts: MakeAttempts, first: Any) -> None:
    other = trail(make_attempts("other", seed=1).here())
    assert first_difference(first, other) == Difference(0, "rows")


def test_a_changed_byte_of_an_image_is_found_at_the_step_that_reads_it(
    make_attempts: MakeAttempts, first: Any, tiny_snapshot: Snapshot, changed_snapshot: Callable[[int], Path]
) -> None:
    attempts = make_attempts("other", snapshot=changed_snapshot(30)).here()
    task = attempts.task()
    before, after = (task.examples(one, "train").rows["sample"] for one in (tiny_snapshot, Snapshot(attempts.snapshot)))
    others = {row for row in range(50) if before[row] != after[row]}
    rows = task.plan(task.examples(tiny_snapshot, "train")).at(np.arange(7))
    expected = next(step for step, line in enumerate(rows.tolist()) if others & set(line))
    assert first_difference(first, trail(attempts)) == Difference(expected, "images")


def test_a_changed_rate_is_found_in_the_weights_of_the_first_step(make_attempts: MakeAttempts, first: Any) -> None:
    other = trail(make_attempts("other", optimizer={"lr": 0.021}).here())
    found = first_difference(first, other)
    assert found is not None
    assert (found.step, found.what) == (0, "weights")
    assert found.tensor in first["names"]


def test_other_parameters_and_other_lengths_are_told(make_attempts: MakeAttempts, first: Any) -> None:
    shorter = trail(make_attempts("shorter", trainer={"max_epochs": 2}, schedule={"name": "constant"}).here())
    longer = trail(make_attempts("longer", schedule={"name": "constant"}, trainer={"max_epochs": 2}).here())
    assert first_difference(shorter, longer) is None
    renamed = {**first, "names": np.array([*first["names"][:-1], "network.other"])}
    found = first_difference(first, renamed)
    assert found is not None
    assert found.what == "names"
    cut = {**first, **{name: first[name][:20] for name in ("loss", "rows", "images")}}
    assert first_difference(first, cut) == Difference(20, "length")


def test_a_final_tensor_that_differs_is_named(first: Any) -> None:
    digests = first["digests"].copy()
    digests[2] = "0" * 64
    assert first_difference(first, {**first, "digests": digests}) == Difference(21, "weights", first["tensors"][2])


def test_a_loss_that_is_no_number_equals_itself(first: Any) -> None:
    loss = first["loss"].copy()
    loss[3] = np.nan
    assert first_difference({**first, "loss": loss}, {**first, "loss": loss.copy()}) is None


@pytest.mark.parametrize("shape", [torch.channels_last, torch.contiguous_format])
def test_the_sums_of_shares_are_that_of_the_whole_batch(shape: torch.memory_format) -> None:
    images = torch.randint(0, 256, (8, 3, 5, 7), dtype=torch.uint8).contiguous(memory_format=shape)
    pieces = sum(images_sum(images[begin : begin + 4], begin) for begin in (0, 4)) % 2**64
    assert pieces == images_sum(images, 0)
    assert images_sum(images.flip(0), 0) != images_sum(images, 0)
    changed = images.clone()
    changed[3, 1, 2, 2] ^= 1
    assert images_sum(changed, 0) != images_sum(images, 0)


def test_the_sum_of_rows_changes_with_their_order() -> None:
    rows = np.array([[1, 2, 3], [1, 3, 2], [1, 2, 3]])
    first, second, third = rows_sum(rows)
    assert first == third != second
