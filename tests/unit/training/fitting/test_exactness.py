"""What decides the weights, and what does not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import load

from slipway.training.fitting import feed, run

MakeAttempts = Callable[..., Any]


def test_threads_that_read_batches_ahead_and_the_cache_change_no_bit(
    make_attempts: MakeAttempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = make_attempts("one").here()
    monkeypatch.setattr(run, "PREFETCH", 1)
    monkeypatch.setattr(feed, "AHEAD", 1)
    found = make_attempts("three", runtime={"reader_threads": 6, "cached": False, "log_steps": 5}).here()
    for name in ("weights.safetensors", "trail.npz"):
        assert found.result(name) == expected.result(name)


def test_another_seed_gives_other_weights(make_attempts: MakeAttempts) -> None:
    first, second = make_attempts("0").here(), make_attempts("1", seed=1).here()
    assert first.result("weights.safetensors") != second.result("weights.safetensors")


@pytest.mark.parametrize(
    "config",
    [
        {"trainer": {"precision": "bf16"}},
        {"trainer": {"channels_last": False, "average": 0.0}},
        {"optimizer": {"name": "sgd", "clip": 0.0}, "schedule": {"name": "constant"}},
    ],
    ids=["bf16", "channels first, no average", "sgd"],
)
def test_every_way_of_training_goes_on_exactly(make_attempts: MakeAttempts, config: dict[str, Any]) -> None:
    expected = make_attempts("whole", **config).here()
    interrupted = make_attempts("parts", mischief=["crash@10"], **config)
    with pytest.raises(ValueError, match="fell over"):
        interrupted.here()
    interrupted.here()
    assert [event["text"] for event in interrupted.events("note")] == ["resumed at step 9"]
    assert interrupted.result("weights.safetensors") == expected.result("weights.safetensors")
    assert interrupted.result("trail.npz") == expected.result("trail.npz")


def test_autocast_computes_in_another_precision_and_learns_the_same(make_attempts: MakeAttempts) -> None:
    full, half = make_attempts("full").here(), make_attempts("half", trainer={"precision": "bf16"}).here()
    losses = [list(one.curves()["train/loss"].values()) for one in (full, half)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.2)


def test_the_average_is_what_is_kept(make_attempts: MakeAttempts) -> None:
    plain, averaged = (make_attempts(str(decay), trainer={"average": decay}).here() for decay in (0.0, 0.9))
    weights = [load(one.result("weights.safetensors")) for one in (plain, averaged)]
    assert plain.curves()["train/loss"] == averaged.curves()["train/loss"]
    assert not torch.equal(weights[0]["network.head.weight"], weights[1]["network.head.weight"])
    assert torch.equal(weights[0]["criterion.temperature"], weights[1]["criterion.temperature"])


def test_it_ends_after_as_many_steps_as_asked_for(make_attempts: MakeAttempts) -> None:
    attempts = make_attempts(trainer={"max_steps": 10, "validate_every": 5}).here()
    curves = attempts.curves()
    assert sorted(curves["train/loss"]) == list(range(1, 11))
    assert list(curves["validation/accuracy"]) == [10], "the last epoch always has a validation"
