"""The run key: what changes it, and what does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.view import View
from slipway.platform.errors import WrongUse
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.references import Reference

Make = Callable[..., Parts]
CONFIG: dict[str, Any] = {"seed": 1, "optimizer": {"lr": 0.1, "clip": 0.0}, "runtime": {"target": "local"}}


def test_the_same_work_has_the_same_key_from_anywhere(
    make_parts: Make, clone: Path, code_of: Callable[[Path], Code]
) -> None:
    assert make_parts(code=code_of(clone)).key == make_parts().key


def test_where_and_how_it_runs_is_no_part_of_the_key(make_parts: Make) -> None:
    elsewhere = {**CONFIG, "runtime": {"target": "gpu-l4", "checkpoint_seconds": 5.0}}
    assert make_parts(config=elsewhere).key == make_parts().key
    assert make_parts(config={name: CONFIG[name] for name in ("optimizer", "seed")}).key == make_parts().key


def test_the_order_of_things_is_no_part_of_the_key(make_parts: Make) -> None:
    turned = {"optimizer": {"clip": 0.0, "lr": 0.1}, "seed": 1}
    view = View.of({"split": ["test", "train", "test"]})
    assert make_parts(config=turned, view=view, lock=("torch==2.13.0", "numpy==2.4.6")).key == make_parts().key


@pytest.mark.parametrize(
    "change",
    [
        {"model": "fish"},
        {"snapshot": "6" * 64},
        {"view": View.of({"split": "train"})},
        {"config": {**CONFIG, "seed": 2}},
        {"config": {**CONFIG, "optimizer": {"lr": 0.1, "clip": 0}}},
        {"config": {**CONFIG, "extra": None}},
        {"lock": ("numpy==2.4.6", "torch==2.13.1")},
        {"lock": ("numpy==2.4.6",)},
        {"references": {"start": Reference("x", "7" * 64)}},
    ],
    ids=str,
)
def test_whatever_decides_the_weights_changes_the_key(make_parts: Make, change: dict[str, Any]) -> None:
    assert make_parts(**change).key != make_parts().key


def test_references_count_by_what_they_mean_and_not_by_how_they_are_called(make_parts: Make) -> None:
    def with_start(given: str, digest: str) -> str:
        config = {**CONFIG, "references": {"start": given}}
        return make_parts(config=config, references={"start": Reference(given, digest)}).key

    assert with_start("models:/bird@champion", "7" * 64) == with_start("models:/bird/3", "7" * 64)
    assert with_start("models:/bird@champion", "7" * 64) != with_start("models:/bird@champion", "8" * 64)


def test_it_comes_back_from_the_store_with_the_same_key(make_parts: Make) -> None:
    parts = make_parts(references={"start": Reference("x", "7" * 64)})
    assert Parts.model_validate_json(parts.to_bytes()).key == parts.key


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Path("/data"), {1, 2}])
def test_a_value_that_a_record_cannot_hold_is_refused_by_its_name(make_parts: Make, value: object) -> None:
    with pytest.raises(WrongUse, match=r"`optimizer\.steps\[1\]` is "):
        make_parts(config={"optimizer": {"steps": [1, value]}})
