"""Comparing two results, and two environments."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from slipway.training.fitting.environment import environment
from slipway.training.fitting.trail import Trail
from slipway.training.reproduction import compare, other_environment


def result(folder: Path, weight: float = 1.0, predictions: bytes = b"same") -> Path:
    """The files of a result that are compared."""
    folder.mkdir()
    trail = Trail(["network.weight"])
    trail.add(np.ones(3, np.float32), np.arange(3), np.arange(3))
    trail.add_norms(2, np.ones(1, np.float32))
    trail.write(folder / "trail.npz", {"network.weight": torch.tensor([weight])})
    (folder / "predictions.parquet").write_bytes(predictions)
    return folder


def test_the_same_weights_and_predictions_are_identical(tmp_path: Path) -> None:
    assert compare(result(tmp_path / "a"), result(tmp_path / "b")).told() == "IDENTICAL"


def test_a_tensor_that_only_differs_at_the_end_is_named(tmp_path: Path) -> None:
    found = compare(result(tmp_path / "a"), result(tmp_path / "b", weight=1.0 + 2**-23))
    assert not found.identical
    assert found.told().startswith("DIFFERENT from step 3, tensor network.weight:")


def test_other_predictions_of_the_same_weights_are_not_identical(tmp_path: Path) -> None:
    found = compare(result(tmp_path / "a"), result(tmp_path / "b", predictions=b"other"))
    assert found.told() == "DIFFERENT: the weights are the same to the bit, the predictions are not."


def test_an_environment_is_itself_and_what_is_other_is_said() -> None:
    here = environment(torch.device("cpu"))
    assert other_environment(here, here) == []
    cpu: dict[str, Any] = {**here["cpu"], "model": "Another", "flags": [*here["cpu"]["flags"][1:], "zzz"]}
    there = {**here, "cpu": cpu, "libraries": {**here["libraries"], "torch": "1.0"}}
    told = other_environment(there, here)
    assert told[0] == f"processor: Another then, {here['cpu']['model']} here"
    assert told[1].startswith("torch: 1.0 then, ")
    assert told[2] == f"processor flags: -zzz +{here['cpu']['flags'][0]}"
