"""`slipway train` as people use it: real processes, a real model, a rendered snapshot, MLflow in a file or away."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = [pytest.mark.xdist_group("train-command"), pytest.mark.timeout(400)]

BIN = Path(sys.executable).parent
PATIENCE = 200.0
SHORT = ("bay-occupancy", "batch=8", "trainer.max_epochs=2", "runtime.checkpoint_steps=2", "augmentation.flip=0.4")
"""Little work; the last change makes it work that nobody else does."""
TOGETHER = (*SHORT, "trainer.processes=2", "trainer.max_epochs=6", "runtime.checkpoint_steps=1")


@dataclass
class Desk:
    """A project, and `slipway` in it."""

    root: Path
    snapshot: Path
    tracking: str = ""
    """MLflow's address; a file of the project's own unless given."""

    @property
    def environ(self) -> dict[str, str]:
        own = {"HOME": str(self.root.parent), "PATH": f"{BIN}:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "USER": "ada"}
        return {**own, "SLIPWAY_MLFLOW__TRACKING_URI": self.tracking} if self.tracking else own

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [str(BIN / "slipway"), *arguments],
            cwd=self.root,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def train(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a training on the snapshot."""
        return self.begin("train", *arguments, "--snapshot", str(self.snapshot), "--json")

    def answer(self, *arguments: str) -> dict[str, Any]:
        """What a training says when it is done."""
        return answer_of(self.train(*arguments))

    def stored(self, pattern: str) -> list[Path]:
        """Objects of the store."""
        return sorted((self.root / ".slipway/store").glob(pattern))


def answer_of(process: "subprocess.Popen[str]", code: int = 0) -> dict[str, Any]:
    printed, errors = process.communicate()
    assert process.returncode == code, errors
    answer: dict[str, Any] = json.loads(printed)
    return answer


def active_runs(database: Path) -> list[tuple[str, str, str]]:
    """Id, name and status of MLflow's runs that nobody deleted."""
    with sqlite3.connect(database, timeout=PATIENCE) as opened:
        return list(opened.execute("select run_uuid, name, status from runs where lifecycle_stage = 'active'"))


def eventually(condition: Callable[[], object]) -> None:
    """Wait for a condition, and fail when it never holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small rendered world."""
    folder = tmp_path_factory.mktemp("world") / "tiny"
    subprocess.run([str(BIN / "slipway"), "world", "render", "tiny", str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture
def desk(tmp_path: Path, snapshot: Path) -> Desk:
    """An empty project."""
    root = tmp_path / "project"
    root.mkdir()
    return Desk(root, snapshot)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, snapshot: Path) -> Desk:
    """A project in which the short work was asked for by two at once."""
    root = tmp_path_factory.mktemp("shared") / "project"
    root.mkdir()
    return Desk(root, snapshot)


@pytest.fixture(scope="module")
def answers(shared: Desk) -> list[dict[str, Any]]:
    """What the two were told."""
    started = [shared.train(*SHORT) for _ in range(2)]
    return [answer_of(one) for one in started]


def test_two_who_ask_at_once_share_one_attempt_and_one_mlflow_run(shared: Desk, answers: list[dict[str, Any]]) -> None:
    assert [one["state"] for one in answers] == ["done"] * 2
    assert len({one["name"] for one in answers}) == 1
    assert [one["how"] for one in answers].count("ran") == 1
    assert len(shared.stored(f"work/{answers[0]['key']}/attempts/*/spec.json")) == 1
    found = [run for run in active_runs(shared.root / ".slipway/mlflow.db") if run[1] == answers[0]["name"]]
    assert found == [(answers[0]["mlflow_run"], answers[0]["name"], "FINISHED")]


def test_work_that_is_done_is_returned_and_not_done_again(shared: Desk, answers: list[dict[str, Any]]) -> None:
    process = shared.begin("train", *SHORT, "--snapshot", str(shared.snapshot))
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    assert answers[0]["name"] in printed
    assert "over the baseline" in printed
    assert "done already" in errors
    assert len(shared.stored(f"work/{answers[0]['key']}/attempts/*/spec.json")) == 1


def test_a_notebook_finds_the_run_while_its_event_loop_runs(shared: Desk, answers: list[dict[str, Any]]) -> None:
    import asyncio

    from slipway.platform import runs

    async def cell() -> runs.Run:
        return runs.get(answers[0]["name"], folder=shared.root)

    run = asyncio.run(cell())
    assert run.state == "done"
    assert run.metrics["test/accuracy"] == answers[0]["metrics"]["test/accuracy"]
    assert run.config["batch"] == 8
    assert len(run.predictions()) == len(run.samples())
    worst = run.worst(3)
    assert list(worst.table["error"]) == sorted(run.samples()["error"], reverse=True)[:3]
    assert [picture is not None for picture in worst.pictures] == [True] * 3
    assert (worst._repr_png_() or b"").startswith(b"\x89PNG")
    assert answers[0]["name"] in repr(run)
    assert {"train/loss", "validation/accuracy"} <= set(run.history()["metric"])


@dataclass
class Unheard:
    """Work that two processes did in a project whose MLflow is away: killed in the middle, and gone on with."""

    desk: Desk
    port: int
    answer: dict[str, Any]
    errors: str


@pytest.fixture(scope="module")
def unheard(tmp_path_factory: pytest.TempPathFactory, snapshot: Path) -> Unheard:
    root = tmp_path_factory.mktemp("unheard") / "project"
    root.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    desk = Desk(root, snapshot, f"http://127.0.0.1:{port}")
    kill_behind_a_checkpoint(desk, desk.train(*TOGETHER))
    process = desk.train(*TOGETHER)
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    return Unheard(desk, port, json.loads(printed), errors)


def kill_behind_a_checkpoint(desk: Desk, command: "subprocess.Popen[str]") -> None:
    """Let the training stand still at a checkpoint until the store has that too; then kill the command alone."""
    eventually(lambda: list(desk.root.glob(".slipway/work/*/1/checkpoints/*.ckpt")) or command.poll() is not None)
    children = psutil.Process(command.pid).children(recursive=True)
    for child in children:
        child.suspend()
    eventually(lambda: desk.stored("work/*/attempts/1/checkpoints/*.json") or command.poll() is not None)
    command.kill()
    command.communicate()
    assert command.returncode == -signal.SIGKILL
    eventually(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in children))


def test_two_processes_whose_command_was_killed_are_gone_on_with_while_mlflow_is_away(unheard: Unheard) -> None:
    answer = unheard.answer
    assert (answer["how"], answer["attempt"], answer["state"]) == ("ran", 2, "done")
    assert "Going on from the checkpoint of attempt 1" in unheard.errors
    assert answer["mlflow_run"] is None
    assert "the rest is sent when MLflow is back" in unheard.errors


def test_the_same_again_from_the_first_step_is_identical_to_what_was_interrupted(unheard: Unheard) -> None:
    again = unheard.desk.train(*TOGETHER, "--again")
    printed, errors = again.communicate()
    assert again.returncode == 0, errors
    assert "IDENTICAL" in errors
    answer = json.loads(printed)
    assert (answer["key"], answer["attempt"], answer["same"]) == (unheard.answer["key"], 3, True)


def test_the_next_training_of_other_work_sends_what_mlflow_missed_and_ctrl_c_stops_it(unheard: Unheard) -> None:
    desk, key = unheard.desk, unheard.answer["key"]
    assert desk.stored(f"unshipped/{key}")
    with mlflow_server(desk.root.parent, unheard.port) as database:
        other = desk.train(*SHORT, "trainer.max_epochs=100000")
        eventually(lambda: not desk.stored(f"unshipped/{key}") or other.poll() is not None)
        other.send_signal(signal.SIGINT)
        stopped = answer_of(other, code=75)
    assert stopped["state"] == "resumable"
    found = {name: status for _, name, status in active_runs(database)}
    assert found == {unheard.answer["name"]: "FINISHED", stopped["name"]: "KILLED"}


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[Path]:
    """A server on that port, from the moment it answers; the file that it keeps."""
    database, log = folder / "served.db", folder / "server.log"
    command = [
        str(BIN / "mlflow"), "server", "--backend-store-uri", f"sqlite:///{database}", "--host", "127.0.0.1",
        "--artifacts-destination", str(folder / "artifacts"), "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    environ = {
        "HOME": str(folder), "PATH": f"{BIN}:/usr/bin:/bin", "OMP_NUM_THREADS": "1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
    }  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=output, stderr=output, start_new_session=True
        )
    try:
        eventually(lambda: answers_at(port) or process.poll() is not None)
        assert process.poll() is None, log.read_text()[-3000:]
        yield database
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers_at(port: int) -> bool:
    """Whether a server is well there."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


@pytest.mark.usefixtures("answers")
def test_a_failure_tells_step_and_samples_and_can_be_stepped_into(shared: Desk) -> None:
    desk = shared
    process = desk.begin("train", *SHORT, "optimizer.lr=1e30", "--snapshot", str(desk.snapshot))
    printed, errors = process.communicate()
    assert process.returncode == 1, errors
    assert "no finite number" in errors
    assert "samples" in errors
    name = printed.split()[1]
    assert f"slipway debug {name}" in errors
    restored = answer_of(desk.begin("debug", name, "--json"))
    folder = Path(restored["folder"])
    labels = json.loads((folder / "batch/labels.json").read_text())
    assert [one["sample"] for one in labels] == restored["samples"]
    assert all((folder / "batch" / one["file"]).stat().st_size for one in labels)
    stepped = subprocess.run(
        [sys.executable, str(folder / "debug.py")],
        input="p batch.step\nc\nq\n",
        env=desk.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "comes next" in stepped.stdout
    assert "no finite number" in stepped.stderr


def test_a_slip_is_one_message_and_nothing_is_written(desk: Desk) -> None:
    process = desk.begin("train", "bay-occupancy", "optimzer.lr=1")
    printed, errors = process.communicate()
    assert process.returncode == 2
    assert "Did you mean `optimizer.lr`?" in errors
    assert printed == ""
    assert "Traceback" not in errors
    assert not os.path.lexists(desk.root / ".slipway/store")
    assert not os.path.lexists(desk.root / ".slipway/mlflow.db")
