"""From a training to a device, with the commands that people use and an MLflow in a file; then all of it again."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from own_model import MODEL, make_project
from project_desk import BIN, ProjectDesk

pytestmark = [pytest.mark.xdist_group("release-loop"), pytest.mark.timeout(600)]

SHORT = ("batch=8", "trainer.max_epochs=4")


class Desk(ProjectDesk):
    """With devices beside it."""

    def edge(self, *arguments: str) -> str:
        """What a command of a device prints."""
        done = subprocess.run(
            [str(BIN / "slipway-edge"), *arguments], env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def train(self, name: str, *more: str) -> str:
        """A run of that name."""
        answer = self.ask("train", MODEL, *SHORT, *more, "--name", name, "--snapshot", str(self.snapshot))
        assert answer["state"] == "done"
        return name


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A project whose people are known: who trains, who judges, who approves, who promotes."""
    folder = tmp_path_factory.mktemp("loop")
    root = make_project(folder / "project")
    environ = {"HOME": str(folder), "PATH": f"{BIN}:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    desk = Desk(root, folder / "tiny", environ)
    desk.run("world", "render", "tiny", str(desk.snapshot))
    desk.run("identity", "init", "ada", "--role", "trainer")
    for name, *roles in (("gates", "--service", "--role", "gate-service"), ("cleo", "--role", "approver"),
                         ("dora", "--role", "releaser")):  # fmt: skip
        key = folder / f"{name}.pub"
        key.write_text(desk.run("identity", "init", name, by=name).stdout)
        desk.run("identity", "trust", name, *roles, "--key", str(key))
    return desk


@pytest.fixture(scope="module")
def first(desk: Desk) -> dict[str, Any]:
    """What each step said when the way was gone for the first time."""
    return loop(desk)


def loop(desk: Desk) -> dict[str, Any]:
    """The whole way, as people go it; what each step says."""
    desk.train("first")
    return {
        "export": desk.ask("export", "first")["bundle"],
        "gate": desk.ask("gate", "first", "--snapshot", str(desk.snapshot))["bundle"],
        "register": desk.ask("model", "register", "first")["number"],
        "approve": desk.run("model", "approve", f"{MODEL}/1", "--reason", "looked at it", by="cleo").stdout,
        "promote": desk.run("model", "promote", f"{MODEL}/1", by="dora").stdout,
    }


def test_a_training_becomes_champion_and_everything_done_again_does_nothing(desk: Desk, first: dict[str, Any]) -> None:
    assert first["export"] == first["gate"]
    assert first["register"] == "1"
    assert [one["state"] for one in desk.ask("model", "list")] == ["champion"]
    actions = [one["decision"]["action"] for one in desk.ask("ledger", "list")]
    assert actions[::-1] == ["verdict", "register", "approve", "promote"]
    there = desk.records()
    second = loop(desk)
    assert desk.records() == there
    assert "already" in second.pop("promote")
    assert "already" in second.pop("approve")
    assert second == {name: first[name] for name in second}


@pytest.mark.usefixtures("first")
def test_whoever_trained_it_may_not_approve_it_and_the_refusal_is_on_record(desk: Desk) -> None:
    desk.run("identity", "trust", "ada", "--role", "approver")
    refused = desk.run("model", "approve", f"{MODEL}/1", code=1)
    assert "`ada` trained" in refused.stderr
    newest = desk.ask("ledger", "list", "--limit", "1")[0]["decision"]
    assert (newest["action"], newest["actor"]) == ("refuse", "ada")
    assert "all there" in desk.run("ledger", "verify").stderr


def test_the_champion_leads_back_to_its_run_and_the_run_on_to_it(desk: Desk, first: dict[str, Any]) -> None:
    up = desk.run("lineage", f"{MODEL}@champion").stdout
    assert "first" in up
    assert first["export"][:12] in up
    assert f"{MODEL}/1" in desk.run("lineage", "first", "--downstream").stdout
    card = desk.run("model", "card", f"{MODEL}/1", "-o", "md").stdout
    assert "cleo" in card


@pytest.mark.usefixtures("first")
def test_the_champion_comes_to_a_device_and_its_release_leads_back_to_the_run(desk: Desk, tmp_path: Path) -> None:
    holders = [(name, "--role", "channel-root") for name in ("ada-root", "ben-root", "cleo-root")]
    for name, *roles in (*holders, ("rollouts", "--service", "--role", "rollout-service")):
        key = tmp_path / f"{name}.pub"
        key.write_text(desk.run("identity", "init", name, by=name).stdout)
        desk.run("identity", "trust", name, *roles, "--key", str(key))
    desk.run("channel", "init", by="dora")
    desk.run("rollout", "start", MODEL, by="dora")
    assert "already" in desk.run("rollout", "start", MODEL, by="dora").stdout
    device = ("--home", str(tmp_path / "device"))
    root = str(desk.root / ".slipway/channel/metadata/1.root.json")
    enrol = ("--channel", str(desk.root / ".slipway/channel"), "--root", root, "--class", "edge-cpu", "--model", MODEL)
    desk.edge("enrol", *device, *enrol)
    (model,) = json.loads(desk.edge("once", *device, "--json"))["models"].values()
    assert model["phase"] == "probation"
    assert model["active"]["release"] == 1
    assert model["active"]["bundle"] in desk.run("lineage", f"{MODEL}@champion", "--json").stdout
    assert f"release 1 of {MODEL}" in desk.run("lineage", "first", "--downstream").stdout
