"""The runner with real children: what they leave, how they fail, and what they can see."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.jobs.runner import checkpoints
from slipway.platform.runs.records import State
from slipway.platform.runs.references import Reference, keep
from slipway.platform.runs.results import load_result, result_key
from slipway.platform.store import DigestMismatch

Desk = Any


def test_what_a_child_leaves_becomes_the_result_of_the_work(desk: Desk) -> None:
    ran = desk.run()
    assert ran.outcome.state is State.DONE, desk.log()
    assert ran.outcome.cpu_seconds > 0
    assert ran.outcome.memory_peak > 1_000_000
    parts, _ = desk.work()
    result = load_result(desk.store, parts.key)
    assert result == ran.result
    assert result is not None
    assert sorted(result.files) == ["pictures/curve.png", "weights.safetensors"]
    assert desk.store.get(result_key("pictures/curve.png", result.files["pictures/curve.png"])) == b"a picture"
    assert result.metrics == {"test/accuracy": 0.5}
    assert not list((desk.folder / "work").iterdir()), "the workplace stays behind"


def test_a_failure_is_recorded_with_step_samples_and_log(desk: Desk) -> None:
    ran = desk.run(fail_at=3)
    found = desk.outcome()
    assert ran.outcome == found
    assert (found.state, found.step, found.samples) == (State.FAILED, 3, ("s1", "s2"))
    assert "divided by nothing" in found.reason
    assert found.traceback == "in line 7"
    assert "it went wrong" in desk.log()


def test_a_child_that_is_killed_by_the_system_says_so(desk: Desk) -> None:
    ran = desk.run(load="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert ran.outcome.state is State.FAILED
    assert "SIGKILL" in ran.outcome.reason
    assert "out of memory" in ran.outcome.reason


def test_a_child_that_ends_well_without_a_result_has_failed(desk: Desk) -> None:
    assert desk.run(end_with=0).outcome.reason == "The training ended without a result."


def test_a_module_that_is_not_in_the_archive_is_missing_although_it_is_installed(desk: Desk) -> None:
    ran = desk.run(load="import slipway.platform.settings")
    assert ran.outcome.state is State.FAILED
    assert "`slipway.platform` is not in the code archive" in ran.outcome.traceback


def test_a_child_that_loads_a_foreign_file_of_slipway_fails(desk: Desk) -> None:
    foreign = Path(checkpoints.__file__)
    load = (
        "import importlib.util, sys; "
        f"spec = importlib.util.spec_from_file_location('slipway.errors', {str(foreign.parents[2] / 'errors.py')!r}); "
        "sys.modules['slipway.errors'] = module = importlib.util.module_from_spec(spec); "
        "spec.loader.exec_module(module)"
    )
    ran = desk.run(load=load)
    assert ran.outcome.state is State.FAILED
    assert "are not from the code archive" in desk.log()


def test_a_child_sees_no_secret_and_no_more_threads_than_the_config_says(desk: Desk) -> None:
    secrets = {"AWS_SECRET_ACCESS_KEY": "x", "AIRFLOW__CORE__FERNET_KEY": "x", "SLIPWAY_MLFLOW__PASSWORD": "x"}
    desk.environ = {**desk.environ, **secrets, "MY_TOKEN": "x", "PYTHONPATH": "/somewhere", "OMP_NUM_THREADS": "64"}
    desk.run(load="import os, json; print('ENV', json.dumps(dict(os.environ)), flush=True)")
    line = next(line for line in desk.log().splitlines() if line.startswith("ENV "))
    seen = json.loads(line.removeprefix("ENV "))
    assert not {*secrets, "MY_TOKEN", "PYTHONPATH"} & set(seen)
    assert seen["OMP_NUM_THREADS"] == "1"


def test_what_the_config_refers_to_is_brought_and_what_is_damaged_is_not_given(desk: Desk) -> None:
    given = desk.folder / "mine.bin"
    given.write_bytes(b"weights")
    reference = Reference("mine.bin", hashlib.sha256(b"weights").hexdigest(), file=given)
    keep(reference, desk.store)
    given.unlink()
    load = "import json; print('START', open(json.load(open('order.json'))['references']['start']).read(), flush=True)"
    assert desk.run(load=load, references={"start": reference.digest}).outcome.state is State.DONE, desk.log()
    assert "START weights" in desk.log()
    [stored] = (desk.loaded.root / ".slipway/store/references").iterdir()
    stored.write_bytes(b"changed")
    with pytest.raises(DigestMismatch):
        desk.run(references={"start": reference.digest}, fresh=True)
    assert desk.outcome(2).state is State.FAILED


class Closed:
    """A terminal that is gone."""

    def note(self, text: str) -> None:
        raise BrokenPipeError(text)

    def progress(self, told: object, remark: str) -> None:
        raise BrokenPipeError(told, remark)


def test_a_closed_terminal_ends_no_training(desk: Desk) -> None:
    assert desk.run(watcher=Closed()).outcome.state is State.DONE
