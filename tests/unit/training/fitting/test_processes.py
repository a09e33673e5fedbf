"""Processes that train together do what one would, and go on as exactly."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from slipway.training.fitting.trail import read_trail

MakeAttempts = Callable[..., Any]
STEPS = 56
CONFIG = {"network": {"dropout": 0.0}, "runtime": {"checkpoint_steps": 20}}


def test_two_have_the_curve_of_one_and_go_on_exactly_after_a_kill(make_attempts: MakeAttempts) -> None:
    one = make_attempts("one", **CONFIG, trainer={"max_epochs": STEPS // 7}).here()
    config = {**CONFIG, "trainer": {"max_epochs": STEPS // 7, "processes": 2}}
    two = make_attempts("two", **config)
    assert two.start(2) == 0, two.log()
    alone, together = (curve.curves() for curve in (one, two))
    losses = [[curves["train/loss"][step] for step in range(1, STEPS + 1)] for curves in (alone, together)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert together["validation/squares"][STEPS] == pytest.approx(alone["validation/squares"][STEPS], rel=1e-3)
    trails = [read_trail(attempts.workplace.results / "trail.npz") for attempts in (one, two)]
    for what in ("rows", "images"):
        assert np.array_equal(trails[0][what], trails[1][what]), "both see the same batches"

    killed = make_attempts("killed", **config, mischief=["kill@50"])
    assert killed.start(2) != 0
    assert killed.events("checkpoint")[-1]["step"] == 40
    assert killed.start(2) == 0, killed.log()
    for name in ("weights.safetensors", "trail.npz", "predictions.parquet"):
        assert killed.result(name) == two.result(name)
