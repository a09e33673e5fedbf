"""`slipway flow run`: from a snapshot to the champion by one command, killed and run again, by real commands."""

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from own_model import MODEL, make_project
from project_desk import BIN, ProjectDesk

pytestmark = [pytest.mark.xdist_group("flow-run"), pytest.mark.timeout(900)]

SHORT = ("batch=8", "trainer.max_epochs=4")


class Desk(ProjectDesk):
    """With the flow in it."""

    @property
    def words(self) -> tuple[str, ...]:
        """The flow, as it is asked for each time."""
        return ("flow", "run", "retrain", MODEL, *SHORT, "--snapshot", str(self.snapshot))

    def flow(self, code: int = 0) -> Any:
        """What came of it."""
        return self.ask(*self.words, code=code)

    def killed_at(self, said: str) -> None:
        """The flow, until it says that; then it is no more."""
        environ = {**self.environ, "SLIPWAY_IDENTITY__PERSON": "flows"}
        with subprocess.Popen(
            [str(BIN / "slipway"), *self.words],
            cwd=self.root, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            heard = next((line for line in process.stderr or () if said in line), None)
            os.kill(process.pid, signal.SIGKILL)
            assert heard is not None, f"it never said {said!r}"

    def interrupted_at(self, said: str) -> "subprocess.CompletedProcess[str]":
        """The flow, until it says that; then somebody presses Ctrl-C."""
        environ = {**self.environ, "SLIPWAY_IDENTITY__PERSON": "flows"}
        with subprocess.Popen(
            [str(BIN / "slipway"), *self.words],
            cwd=self.root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            heard = next((line for line in process.stderr or () if said in line), None)
            assert heard is not None, f"it never said {said!r}"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def actions(self) -> list[str]:
        """What the ledger tells, in its order."""
        return [one["decision"]["action"] for one in self.ask("ledger", "list")][::-1]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A project with a service that runs flows, and somebody who approves."""
    folder = tmp_path_factory.mktemp("flow")
    root = make_project(folder / "project")
    environ = {"HOME": str(folder), "PATH": f"{BIN}:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    desk = Desk(root, folder / "tiny", environ, who="flows")
    desk.run("world", "render", "tiny", str(desk.snapshot))
    roles = ("--role", "trainer", "--role", "gate-service", "--role", "releaser")
    desk.run("identity", "init", "ada", "--role", "approver", by="ada")
    for name, *trusted in (("flows", "--service", *roles), ("cleo", "--role", "approver")):
        key = folder / f"{name}.pub"
        key.write_text(desk.run("identity", "init", name, by=name).stdout)
        desk.run("identity", "trust", name, *trusted, "--key", str(key), by="ada")
    return desk


@pytest.fixture(scope="module")
def waiting(desk: Desk) -> dict[str, Any]:
    """What came of the flow when it was killed twice on its way, and interrupted once."""
    desk.killed_at("is running")
    left = desk.interrupted_at("export: ")
    assert left.returncode == 130
    assert "the same command" in left.stdout
    desk.killed_at("gate: ")
    told: dict[str, Any] = desk.flow()
    return told


def test_a_flow_that_is_killed_on_its_way_comes_to_one_run_and_one_version_and_waits(
    desk: Desk, waiting: dict[str, Any]
) -> None:
    assert [one["how"] for one in waiting["steps"]][:3] == ["found", "found", "found"]
    last = waiting["steps"][-1]
    assert (last["step"], last["how"], waiting["left"]) == ("approve", "waiting", ["promote"])
    assert "0 of 1 approvals" in last["line"]
    assert f"Review of {MODEL}/1" in last["text"]
    assert f"slipway model approve {MODEL}/1" in last["mend"]
    assert desk.actions() == ["verdict", "register"]
    kinds = [
        json.loads(path.read_text())["kind"] for path in desk.root.glob(".slipway/store/work/*/attempts/1/spec.json")
    ]
    assert sorted(kinds) == ["evaluate", "export", "train"]
    assert len(list(desk.root.glob(".slipway/store/versions/*"))) == 1
    listed = json.loads(desk.run("flow", "list", MODEL, "--json").stdout)[0]
    assert (listed["last"], listed["stands"]) == (
        waiting["values"]["run_name"],
        "version 1: waits for approval, 0 of 1",
    )


def test_approved_by_command_it_goes_on_to_the_champion_and_then_nothing_is_to_be_done(
    desk: Desk, waiting: dict[str, Any]
) -> None:
    desk.run("model", "approve", f"{MODEL}/1", "--reason", "looked at it", by="cleo")
    promoted = desk.flow()
    assert [one["how"] for one in promoted["steps"]] == ["found"] * 7 + ["done"]
    assert desk.actions() == ["verdict", "register", "approve", "promote"]
    there = desk.records("validations")
    again = desk.run(*desk.words)
    assert "Nothing was to be done" in again.stdout
    assert waiting["values"]["run_name"] in again.stdout.splitlines()[-1]
    assert again.stderr == "", "a command was run that had nothing to do"
    assert desk.records("validations") == there


@pytest.mark.usefixtures("waiting")
def test_what_is_asked_wrongly_is_told_by_the_step_that_knows_and_nothing_is_begun(desk: Desk) -> None:
    there = desk.records("validations")
    wrong = desk.run("flow", "run", "retrain", MODEL, "batchs=8", "--snapshot", str(desk.snapshot), code=2)
    assert "batch" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert "failed" in wrong.stdout
    assert "retrain" in desk.run("flow", "run", "retrian", MODEL, code=2).stderr
    assert "--on" in desk.run("gate", "any", "--no-wait", code=2).stderr
    assert desk.records("validations") == there
