"""A session elsewhere: under an interpreter that has NumPy and the module, and nothing of slipway's dependencies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

import small_onnx
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.session import Weighed, open_engine
from slipway.serving.runtime.tensorrt.cache import EngineFile
from slipway.serving.runtime.tensorrt.remote import RemoteSession

SECONDS = 30


class Clock:
    """Stands where it was put."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session(engine: EngineFile, python: Path, clock: Clock, mood: Path) -> Iterator[RemoteSession]:
    """The classifier's engine."""
    del mood
    found = RemoteSession(engine, small_onnx.CONTRACT, python, seconds=SECONDS, clock=clock)
    yield found
    found.close()


def right(session: RemoteSession, count: int = 2) -> bool:
    images = small_onnx.images(count)
    return bool(np.allclose(session.run({"images": images})["logits"].astype(float), small_onnx.answers(images)))


def until(what: Callable[[], bool]) -> bool:
    end = time.monotonic() + SECONDS
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_answers_as_if_it_were_here(session: RemoteSession) -> None:
    assert all(right(session, count) for count in (1, 4, 2, 3))
    assert session.providers == ["tensorrt"]
    first = session.run({"images": small_onnx.images(2)})["logits"]
    session.run({"images": small_onnx.images(2)[::-1].copy()})
    assert np.allclose(first.astype(float), small_onnx.answers(small_onnx.images(2)))
    assert isinstance(session, Weighed)
    assert session.device_memory() > 10 * 1024 * 1024


def test_what_the_contract_does_not_allow_costs_no_worker(session: RemoteSession) -> None:
    with pytest.raises(WrongUse):
        session.run({"images": small_onnx.images(5)})
    assert session.failures == 0


def test_closing_leaves_no_process_and_no_handle(engine: EngineFile, python: Path) -> None:
    before = handles()
    session = open_engine(engine, small_onnx.CONTRACT, python=python)
    assert isinstance(session, RemoteSession)
    process = psutil.Process(session.process)
    session.close()
    session.close()
    assert not process.is_running()
    assert handles() == before
    with pytest.raises(ModelUnfit, match="was closed"):
        session.run({"images": small_onnx.images()})


def test_a_worker_that_dies_fails_its_call_and_another_one_answers_later(session: RemoteSession, clock: Clock) -> None:
    assert session.process is not None
    os.kill(session.process, signal.SIGKILL)
    with pytest.raises(ModelUnfit, match="worker ended by SIGKILL"):
        session.run({"images": small_onnx.images()})
    with pytest.raises(ModelUnfit, match="another one is started in 1 s"):
        session.run({"images": small_onnx.images()})
    clock.now += 1
    assert right(session)
    assert session.failures == 1


def test_an_engine_that_fails_ends_its_worker(session: RemoteSession, clock: Clock, mood: Path) -> None:
    mood.write_text("fail")
    for pause in (1, 2, 4):
        with pytest.raises(ModelUnfit, match=r"The engine does not run: The device is gone\."):
            session.run({"images": small_onnx.images()})
        clock.now += pause - 0.5
        with pytest.raises(ModelUnfit, match="was lost"):
            session.run({"images": small_onnx.images()})
        clock.now += 0.5
    mood.write_text("")
    assert right(session)
    assert session.failures == 3


def test_a_worker_that_crashes_touches_nobody_else(session: RemoteSession, mood: Path) -> None:
    mood.write_text("crash")
    with pytest.raises(ModelUnfit, match="worker ended by SIGABRT"):
        session.run({"images": small_onnx.images()})


def test_a_call_has_a_deadline(engine: EngineFile, python: Path, mood: Path) -> None:
    session = RemoteSession(engine, small_onnx.CONTRACT, python, seconds=0.3)
    process = psutil.Process(session.process)
    mood.write_text("hang")
    with pytest.raises(ModelUnfit, match=r"did not answer within 0\.3 s"):
        session.run({"images": small_onnx.images()})
    assert not process.is_running()
    session.close()


def test_a_signal_to_all_does_not_end_it_before_its_owner_does(session: RemoteSession) -> None:
    assert session.process is not None
    for one in (signal.SIGTERM, signal.SIGINT):
        os.kill(session.process, one)
    assert right(session)


def test_an_engine_that_is_not_the_one_that_was_built_is_not_loaded(engine: EngineFile, python: Path) -> None:
    before = handles()
    other = EngineFile(engine.path, "0" * 64, engine.module, engine.version)
    with pytest.raises(ModelUnfit, match="its sha256 is another"):
        RemoteSession(other, small_onnx.CONTRACT, python)
    assert handles() == before


def test_an_interpreter_that_is_none_is_told(engine: EngineFile, tmp_path: Path) -> None:
    before = handles()
    with pytest.raises(ModelUnfit, match="cannot be started"):
        RemoteSession(engine, small_onnx.CONTRACT, tmp_path / "python")
    with pytest.raises(ModelUnfit, match=r"The TensorRT worker ended with \d+: "):
        RemoteSession(engine, small_onnx.CONTRACT, Path("/usr/bin/env"))
    assert handles() == before


OWNER = """
import sys, time
from pathlib import Path
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.inputs import seeded_inputs
from slipway.serving.runtime.tensorrt.cache import recorded
from slipway.serving.runtime.tensorrt.remote import RemoteSession
contract = Contract.model_validate_json(sys.argv[4])
session = RemoteSession(recorded(Path(sys.argv[1])), contract, Path(sys.argv[2]))
session.run(seeded_inputs(contract))
print(session.process, flush=True)
sys.stdin.readline()
if sys.argv[3] == "running":
    session.run(seeded_inputs(contract))
time.sleep(600)
"""


@pytest.mark.parametrize("when", ["idle", "running"])
def test_a_worker_ends_when_its_owner_is_killed(engine: EngineFile, python: Path, when: str, mood: Path) -> None:
    contract = small_onnx.CONTRACT.model_dump_json()
    arguments = [sys.executable, "-c", OWNER, str(engine.path), str(python), when, contract]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        worker = psutil.Process(int(owner.stdout.readline()))
        mood.write_text("hang")
        owner.stdin.write(b"go on\n")
        owner.stdin.flush()
        owner.kill()
    assert until(lambda: not worker.is_running())
