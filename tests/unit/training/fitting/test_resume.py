"""Whatever interrupts a training, and how often: it ends with the very bits of the one that nobody interrupted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.runs.workplace import RESUME
from slipway.training.fitting import checkpoints

MakeAttempts = Callable[..., Any]
EXACT = ("weights.safetensors", "trail.npz", "predictions.parquet", "samples.parquet", "evaluation.json")
EPOCH_STEPS = 7


@pytest.fixture
def uninterrupted(make_attempts: MakeAttempts) -> Any:
    return make_attempts("uninterrupted").here()


def test_killed_at_every_kind_of_moment_it_ends_with_the_same_bits(
    make_attempts: MakeAttempts, uninterrupted: Any, killed: int
) -> None:
    first, middle, last = EPOCH_STEPS, EPOCH_STEPS + 3, 2 * EPOCH_STEPS - 1
    moments = [f"kill@{step}" for step in (first, middle, last)]
    moments += ["kill@0", "kill-validating@1", "kill-writing@2"]
    attempts = make_attempts("killed", mischief=moments)
    while attempts.start() != 0:
        assert attempts.codes[-1] == killed, attempts.log()
    marks = {path.name for path in (attempts.folder / "marks").iterdir()}
    assert marks == set(moments)
    assert attempts.codes == [killed] * len(moments) + [0]
    same(attempts, uninterrupted)


def test_asked_to_stop_it_keeps_a_checkpoint_and_goes_on_with_the_same_bits(
    make_attempts: MakeAttempts, uninterrupted: Any
) -> None:
    attempts = make_attempts("stopped", mischief=["stop@4", "stop-validating@1"], runtime={"checkpoint_steps": 0})
    assert attempts.start() == RESUME, attempts.log()
    assert newest(attempts) == 5
    assert attempts.start() == RESUME, attempts.log()
    assert newest(attempts) == EPOCH_STEPS, "no checkpoint lies between an epoch's last step and its validation"
    assert attempts.start() == 0, attempts.log()
    same(attempts, uninterrupted)


def test_a_training_that_lacks_only_its_judgement_is_judged_again(
    make_attempts: MakeAttempts, uninterrupted: Any
) -> None:
    attempts = make_attempts("again").here()
    for path in attempts.workplace.results.glob("*.*"):
        path.unlink()
    attempts.here()
    assert [event["text"] for event in attempts.events("note")] == ["resumed at step 21"]
    same(attempts, uninterrupted)


def test_only_the_newest_checkpoints_stay(make_attempts: MakeAttempts) -> None:
    attempts = make_attempts(runtime={"keep_checkpoints": 3}).here()
    assert [step(path) for path in kept(attempts)] == [15, 18, 21]


def test_no_checkpoint_is_taken_before_the_validation_of_its_epoch(make_attempts: MakeAttempts) -> None:
    attempts = make_attempts(runtime={"checkpoint_steps": 1}).here()
    order = [
        (event["kind"], event["step"])
        for event in attempts.events("metrics") + attempts.events("checkpoint")
        if event["kind"] == "checkpoint" or "validation/accuracy" in event["values"]
    ]
    times = {
        (event["kind"], event["step"]): event["time"]
        for event in attempts.events("metrics") + attempts.events("checkpoint")
        if (event["kind"], event["step"]) in order
    }
    assert times["metrics", EPOCH_STEPS] <= times["checkpoint", EPOCH_STEPS]
    assert sorted(at for kind, at in order if kind == "checkpoint") == list(range(1, 22))


def test_a_checkpoint_of_other_work_is_refused(make_attempts: MakeAttempts) -> None:
    attempts = make_attempts().here()
    with pytest.raises(checkpoints.BadCheckpoint, match="expected r1-other"):
        checkpoints.read(kept(attempts)[-1], "r1-other")


def test_a_torn_checkpoint_is_refused(make_attempts: MakeAttempts) -> None:
    attempts = make_attempts().here()
    path = kept(attempts)[-1]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(checkpoints.BadCheckpoint, match="cannot be read"):
        checkpoints.read(path, "r1-0123")


def same(found: Any, expected: Any) -> None:
    """Every exact file of the result, and every point of every curve."""
    assert found.curves() == expected.curves()
    for name in EXACT:
        assert found.result(name) == expected.result(name), name


def kept(attempts: Any) -> list[Path]:
    return sorted(attempts.workplace.checkpoints.glob("step-*.ckpt"))


def step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def newest(attempts: Any) -> int:
    return step(kept(attempts)[-1])
