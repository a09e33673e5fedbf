"""Heads of a variant: all rows in their order, in batches as the contract allows, and numbers all of them."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from slipway.platform.errors import WrongUse
from slipway.serving.bundle.arrays import write_arrays
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.errors import ModelUnfit
from slipway.training.gates.evaluating import golden_differences
from slipway.training.gates.heads import (
    answer_of_session,
    batch_of,
    check_finite,
    check_input,
    differences,
    heads_of,
)
from slipway.training.reading.philox import Integers
from slipway.training.reading.pixels import Pixels


class Numbered:
    """Pictures whose every pixel is the number of their row."""

    grain, count, size = 8, 11, (4, 6)

    def read(self, rows: Integers, out: Pixels) -> None:
        out[: len(rows)] = rows[:, None, None, None]


class Session:
    """Answers with the mean of each picture, and takes one size of batch only."""

    def __init__(self, fixed: int | None) -> None:
        self.fixed = fixed
        self.sizes: list[int] = []

    @property
    def providers(self) -> list[Any]:
        return ["cpu"]

    def run(self, inputs: Any) -> dict[str, npt.NDArray[np.generic]]:
        images = inputs["images"]
        self.sizes.append(len(images))
        assert self.fixed in {None, len(images)}
        return {"mean": images.mean(axis=(1, 2, 3), dtype=np.float32)}

    def close(self) -> None: ...


def contract(first: int | str, most: int = 4) -> Contract:
    return Contract.model_validate(
        {
            "inputs": [{"name": "images", "dims": [first, 3, 4, 6]}],
            "outputs": [{"name": "mean", "dims": [first], "meaning": "The mean."}],
            "dims": {first: {"most": most}} if isinstance(first, str) else {},
        }
    )


@pytest.mark.parametrize(("given", "sizes"), [("batch", [4, 4, 3]), (4, [4, 4, 4])])
def test_all_rows_come_in_their_order_also_where_the_batch_is_fixed(given: int | str, sizes: list[int]) -> None:
    session = Session(given if isinstance(given, int) else None)
    one = contract(given)
    found = heads_of(Numbered(), answer_of_session(session, one), batch_of(one), lambda *_: None)
    assert found["mean"].tolist() == list(range(11))
    assert session.sizes == sizes


def test_another_size_than_the_task_reads_is_refused() -> None:
    check_input(contract("batch"), Numbered())
    other = Numbered()
    other.size = (8, 8)
    with pytest.raises(WrongUse, match="reads uint8 images of 8 x 8"):
        check_input(contract("batch"), other)


def test_answers_that_are_no_numbers_are_unfit() -> None:
    check_finite({"a": np.zeros(3, np.float16)})
    with pytest.raises(ModelUnfit, match="`b` holds 2 values"):
        check_finite({"b": np.array([1, np.inf, np.nan], np.float16)})


def test_golden_inputs_are_answered_with_numbers_too(tmp_path: Path) -> None:
    path = tmp_path / "golden.npz"
    write_arrays(path, {"in.images": np.zeros((1, 3, 4, 6), np.uint8), "checkpoint.mean": np.zeros(1, np.float32)})
    assert golden_differences(path, lambda _: {"mean": np.full(1, 0.5, np.float32)}) == {"mean": 0.5}
    with pytest.raises(ModelUnfit, match="`mean` holds 1 values"):
        golden_differences(path, lambda _: {"mean": np.full(1, np.nan, np.float32)})


def test_a_difference_is_told_with_and_without_its_rarest_values() -> None:
    wanted = np.zeros((200, 200))
    heads = wanted.copy()
    heads[0, 0], heads[1:3] = 5.0, 1e-3
    found = differences({"a": heads, "c": heads}, {"a": wanted, "b": wanted})
    assert found.keys() == {"a"}
    assert found["a"].greatest == 5.0
    assert found["a"].usual == pytest.approx(1e-3)
