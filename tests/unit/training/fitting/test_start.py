"""Beginning with the weights of another run."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save_file
from torch import nn

from slipway.platform.errors import WrongUse
from slipway.training.fitting import start

MakeAttempts = Callable[..., Any]


class Network(nn.Module):
    """A body, and a head with as many classes as wanted."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, classes)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of a network with three classes, as a result has them: sevens."""
    tensors = {f"network.{name}": torch.full_like(one, 7) for name, one in Network(3).state_dict().items()}
    save_file({**tensors, "criterion.centre": torch.zeros(3)}, tmp_path / "weights")
    return tmp_path / "weights"


def test_all_of_it_is_taken_where_all_of_it_fits(weights: Path) -> None:
    network = Network(3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert start.load(weights, network) == "began with 9 of 9 tensors of `references.start`"
    assert all(bool((tensor == 7).all()) for tensor in network.state_dict().values())
    assert all(one.requires_grad for one in network.parameters())


def test_what_does_not_fit_stays_and_is_named(weights: Path) -> None:
    network = Network(5)
    before = network.head.weight.clone()
    told = start.load(weights, network)
    assert told.startswith("began with 7 of 9 tensors")
    assert told.endswith("without head.weight (3 x 4 there, 5 x 4 here), head.bias (3 there, 5 here)")
    assert torch.equal(network.head.weight, before)
    assert bool((network.state_dict()["body.0.weight"] == 7).all())


def test_a_file_of_which_nothing_learned_fits_is_refused(weights: Path) -> None:
    network = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(WrongUse, match=r"None of the 2 tensors .* 0\.weight \(missing\)"):
        start.load(weights, network)


def test_a_file_that_holds_no_tensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "start").write_text("a pickle, perhaps")
    with pytest.raises(WrongUse, match="no file of weights"):
        start.load(tmp_path / "start", Network(3))


def test_a_training_begins_there_and_goes_on_from_its_own_checkpoint(make_attempts: MakeAttempts) -> None:
    short = {"trainer": {"max_steps": 1, "average": 0.0}, "optimizer": {"lr": 1e-9}, "runtime": {"checkpoint_steps": 1}}
    first = make_attempts("first", trainer={"max_steps": 3}).here()
    second = make_attempts("second", **short)
    second.start_from = second.folder / "references/start"
    second.start_from.parent.mkdir(parents=True)
    shutil.copyfile(first.workplace.results / "weights.safetensors", second.start_from)
    second.here()
    theirs, own = (load(one.result("weights.safetensors")) for one in (first, second))
    assert torch.allclose(theirs["network.head.weight"], own["network.head.weight"], atol=1e-6)
    assert not torch.equal(theirs["network.head.weight"], own["network.head.weight"])

    second.start_from.write_bytes(b"of no use to one that goes on")
    second.here()
    began, resumed = (event["text"] for event in second.events("note"))
    assert began.startswith("began with ")
    assert resumed == "resumed at step 1"
    assert load(second.result("weights.safetensors")).keys() == own.keys()
