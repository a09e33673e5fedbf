"""What only a CUDA device can show. Elsewhere these tests are skipped; `pytest -rs` says so."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

from slipway.platform.jobs.runner.environment import FIXED
from slipway.training.fitting.feed import Feed
from slipway.training.fitting.processes import Place
from slipway.training.fitting.run import Run, Surroundings
from slipway.training.fitting.stopping import Request
from slipway.training.networks import sharing

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device on this machine"),
    pytest.mark.xdist_group("cuda"),
]

MakeAttempts = Callable[..., Any]
GPU = {"accelerator": "gpu"}
CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@pytest.fixture(autouse=True)
def as_in_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every child is given, so that sums are the same on every call."""
    monkeypatch.setenv(CUBLAS, FIXED[CUBLAS])


@pytest.fixture
def feed(make_attempts: MakeAttempts) -> Iterator[Feed]:
    """The batches of a training on the GPU."""
    attempts = make_attempts(trainer=GPU)
    attempts.folder.mkdir(parents=True)
    device = torch.device("cuda", 0)
    given = Surroundings(attempts.order(), attempts.workplace, Place(), device, None, Request())
    with Run(attempts.task(), given) as run:
        yield run.feed


def test_batches_lie_in_pinned_memory_and_reach_the_device_unchanged(feed: Feed) -> None:
    for fed in feed:
        assert fed.images.is_pinned()
        assert all(column.is_pinned() for column in fed.truth.values())
        there = fed.to(torch.device("cuda", 0))
        assert there.images.is_cuda
        assert there.images.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(there.images.cpu(), fed.images)
        assert there.checksum == fed.checksum


def test_a_training_sees_the_batches_that_a_processor_sees_and_loses_about_as_much(make_attempts: MakeAttempts) -> None:
    config: dict[str, Any] = {"network": {"dropout": 0.0}}
    here, there = (make_attempts(name, **config, trainer=trainer).here() for name, trainer in (("c", {}), ("g", GPU)))
    losses = [list(one.curves()["train/loss"].values()) for one in (here, there)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)


def test_bf16_learns_what_full_precision_learns(make_attempts: MakeAttempts) -> None:
    full = make_attempts("full", trainer=GPU).here()
    half = make_attempts("half", trainer={**GPU, "precision": "bf16"}).here()
    losses = [list(one.curves()["train/loss"].values()) for one in (full, half)]
    assert losses[0] != losses[1]
    assert losses[0][0] == pytest.approx(losses[1][0], rel=2e-2)
    assert losses[0] == pytest.approx(losses[1], rel=0.2)


def test_the_same_training_on_the_same_device_is_the_same_to_the_bit(make_attempts: MakeAttempts) -> None:
    first, second = (make_attempts(name, trainer=GPU).here() for name in ("first", "second"))
    for name in ("weights.safetensors", "trail.npz"):
        assert first.result(name) == second.result(name)


def test_a_killed_training_goes_on_to_the_weights_of_one_that_was_not(make_attempts: MakeAttempts) -> None:
    whole = make_attempts("whole", trainer=GPU)
    assert whole.start() == 0, whole.log()
    parts = make_attempts("parts", trainer=GPU, mischief=["kill@10"])
    assert parts.start() == -signal.SIGKILL, parts.log()
    assert parts.start() == 0, parts.log()
    assert [event["text"] for event in parts.events("note")] == ["resumed at step 9"]
    for name in ("weights.safetensors", "trail.npz"):
        assert parts.result(name) == whole.result(name)


@pytest.fixture
def nccl(tmp_path: Path) -> Iterator[torch.device]:
    """A group of this process alone, and its device."""
    device = torch.device("cuda", 0)
    met = f"file://{tmp_path}/met"
    distributed.init_process_group("nccl", init_method=met, rank=0, world_size=1, device_id=device)
    yield device
    distributed.destroy_process_group()


def test_what_is_shared_over_nccl_has_the_values_and_gradients_of_one_process(nccl: torch.device) -> None:
    torch.manual_seed(0)
    images = torch.randn(8, 4, 6, 6, device=nccl).to(memory_format=torch.channels_last)
    shared, alone = sharing.SharedBatchNorm(4).to(nccl), torch.nn.BatchNorm2d(4).to(nccl)
    found = []
    for compute in (shared._shared, alone):
        given = images.clone().requires_grad_()
        answer = compute(given)
        answer.square().sum().backward()
        found.append((answer.detach(), given.grad))
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(shared.running_var, alone.running_var)

    piece = torch.arange(6.0, device=nccl).requires_grad_()
    everyones = sharing._Everyone.apply(piece)  # type: ignore[no-untyped-call]
    everyones.square().sum().backward()
    assert torch.equal(everyones, piece)
    assert piece.grad is not None
    assert torch.equal(piece.grad, 2 * piece)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="torch finds fewer than two CUDA devices on this machine")
def test_two_devices_have_the_curve_of_one(make_attempts: MakeAttempts) -> None:
    config: dict[str, Any] = {"network": {"dropout": 0.0}}
    one = make_attempts("one", **config, trainer=GPU)
    two = make_attempts("two", **config, trainer={**GPU, "processes": 2})
    assert one.start() == 0, one.log()
    assert two.start(2) == 0, two.log()
    losses = [list(attempts.curves()["train/loss"].values()) for attempts in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
