"""A training that cannot go on says why, at which step, and what was in the batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.runs.workplace import Failure
from slipway.training.fitting.telling import NotANumber
from slipway.training.reading.errors import UnreadableImage

MakeAttempts = Callable[..., Any]


def test_a_loss_that_is_no_number_is_refused_with_its_step_and_samples(make_attempts: MakeAttempts) -> None:
    attempts = make_attempts(mischief=["nan@4"])
    with pytest.raises(NotANumber, match="loss of step 4 is no finite number"):
        attempts.here()
    failure = noted(attempts)
    assert failure.step == 4
    assert len(failure.samples) == 8
    assert [event["step"] for event in attempts.events("checkpoint")] == [3]


def test_an_exception_is_noted_with_its_traceback_by_a_child_that_fails(make_attempts: MakeAttempts) -> None:
    attempts = make_attempts(mischief=["crash@2"])
    assert attempts.start() == 1
    failure = noted(attempts)
    assert failure.error == "ValueError: the criterion fell over"
    assert "in forward" in failure.traceback
    assert (failure.step, len(failure.samples), failure.rank) == (2, 8, 0)
    assert "the criterion fell over" in attempts.log()


def test_an_unreadable_image_is_named_with_the_step_that_wanted_it(
    make_attempts: MakeAttempts, tiny_snapshot: Snapshot, tmp_path: Path
) -> None:
    folder = damaged(tiny_snapshot, tmp_path / "damaged", row=20)
    attempts = make_attempts(snapshot=folder, runtime={"cached": False})
    with pytest.raises(UnreadableImage) as told:
        attempts.here()
    failure = noted(attempts)
    sample = tiny_snapshot.index["sample"][20].as_py()
    assert sample in str(told.value)
    assert sample in failure.samples
    assert failure.mend == told.value.mend
    assert failure.mend
    assert failure.step is not None
    assert [event["step"] for event in attempts.events("checkpoint")] == list(range(3, failure.step + 1, 3))


def test_a_config_that_does_not_fit_its_processes_is_refused(make_attempts: MakeAttempts) -> None:
    attempts = make_attempts(trainer={"processes": 2})
    assert attempts.start() == 2
    assert "trainer.processes is 2, and 1 were started" in noted(attempts).error


def noted(attempts: Any) -> Failure:
    return Failure.model_validate_json(attempts.workplace.failure.read_bytes())


def damaged(snapshot: Snapshot, folder: Path, row: int) -> Path:
    """The same snapshot with the bytes of one image gone."""
    for path in snapshot.folder.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(snapshot.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    line = snapshot.index.slice(row, 1).to_pylist()[0]
    shard = next(path for path in folder.rglob("*") if path.stem == line["shard"])
    data = bytearray(shard.read_bytes())
    data[line["offset"] + 40 : line["offset"] + line["length"]] = bytes(line["length"] - 40)
    shard.write_bytes(data)
    return folder
