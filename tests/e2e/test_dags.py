"""The DAGs in a real Airflow: from the data to the champion, and nothing twice, whoever wakes, clears or answers."""

import os
import shutil
from collections.abc import Iterator

import pytest

from airflow_stack.company import BIN, Company
from airflow_stack.stack import Stack
from own_model import DECLARATION, MODEL, ROOT, make_project

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.timeout(2400)]

RETRAIN, ROLLOUT = f"retrain__{MODEL}", f"rollout__{MODEL}"
ONE = f"{MODEL}/1"
SHORT = ("batch=8", "trainer.max_epochs=2")
TWO_PEOPLE = DECLARATION.replace("class: minimal", "class: high")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A model of high risk; nothing is released for now."""
    folder = tmp_path_factory.mktemp("company")
    root = make_project(folder / "project", f"{TWO_PEOPLE}retrain: {{on: [data, labels]}}\n")
    shutil.copytree(ROOT / "dags", root / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    environ = {"HOME": str(folder), "PATH": f"{BIN}:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    company = Company(root, {**environ, **coverage})
    company.found()
    company.trust("cleo", "approver")
    company.run("freeze", "--until", "7d", "--reason", "the lot is rebuilt", by="flows")
    acts = {**company.environ, "SLIPWAY_PROJECT": str(root), "SLIPWAY_IDENTITY__PERSON": "flows"}
    pools = company.ask("flow", "pools")
    with Stack(folder / "stack", root / "dags", people=("ada", "ben", "zoe"), pools=pools, **acts) as company.airflow:
        company.stack.wait(lambda: {RETRAIN, ROLLOUT, "reconcile"} <= company.stack.known(), "the DAGs are known")
        for dag in company.stack.known() - {RETRAIN, ROLLOUT}:
            company.stack.pause(dag)
        yield company


@pytest.fixture(scope="module")
def first(company: Company) -> str:
    """A run that led to a champion: somebody unknown answers, then one approves on the page and one by command.

    What goes on with an answer is killed, and the answer is not lost.
    """
    airflow = company.stack
    run = airflow.trigger(RETRAIN, overrides=list(SHORT))
    page = airflow.asked(RETRAIN, run, "approval")
    assert f"{ONE} is of high risk and has 0 of 2 approvals" in page["body"]
    assert "accuracy" in page["body"]
    airflow.answer(RETRAIN, run, "approval", "Approve", by="zoe")
    again = airflow.asked(RETRAIN, run, "approve")
    assert "The answer of zoe does not count" in again["body"]
    assert company.decisions("approve", "promote") == []
    airflow.answer(RETRAIN, run, "approve", "Approve", by="ben", reason="good at night")
    airflow.kill_task(RETRAIN, run, "approve")
    airflow.wait(lambda: "1 of 2 approvals" in company.told(run, "approve", RETRAIN), "the second one is asked for")
    airflow.asked(RETRAIN, run, "approve")
    by_command(company, run)
    assert airflow.ended(RETRAIN, run) == "success", airflow.states(RETRAIN, run)
    return run


def by_command(company: Company, run: str) -> None:
    """The open page is answered for whoever approves by command, and for nobody before that."""
    reach = {
        "SLIPWAY_AIRFLOW__URL": company.stack.address,
        "SLIPWAY_AIRFLOW__USERNAME": "ada",
        "SLIPWAY_AIRFLOW__PASSWORD": company.stack.password("ada"),
    }
    assert company.ask("flow", "pages", **reach) == {"open": 1, "answered": []}
    company.run("model", "approve", ONE, "--reason", "looked at the rows", by="cleo")
    (answered,) = company.ask("flow", "pages", **reach)["answered"]
    assert (answered["run"], answered["line"]) == (run, f"{ONE} is approved by ben, cleo.")


def test_from_a_trigger_to_the_champion_with_approvals_from_the_page_and_by_command(
    company: Company, first: str
) -> None:
    assert set(company.stack.states(RETRAIN, first).values()) == {"success"}
    approved = company.decisions("approve")
    assert [(one["decision"]["actor"], one["signer"]) for one in approved] == [("ben", "flows"), ("cleo", "cleo")]
    decision = approved[0]["decision"]
    assert decision["reason"] == "good at night"
    assert (decision["details"]["via"], decision["details"]["run"]) == ("airflow", first)
    assert [one["state"] for one in company.ask("model", "list")] == ["champion"]
    assert company.ask("model", "guard", "--once", "--dry-run", by="guard")[0]["deeds"] == []
    assert company.stack.import_errors() == []


def test_triggered_again_and_cleared_everything_is_found(company: Company, first: str) -> None:
    airflow, there = company.stack, company.records()
    airflow.clear(RETRAIN, first, "train", "promote")
    run = airflow.trigger(RETRAIN, overrides=list(SHORT))
    assert set(airflow.settled(RETRAIN).values()) == {"success"}
    assert airflow.states(RETRAIN, run)["approval"] == "skipped"
    steps = ("train", "export", "gate", "register", "approve", "promote")
    assert {airflow.returned(RETRAIN, run, step)["how"] for step in steps} == {"found"}
    assert airflow.returned(RETRAIN, first, "train")["how"] == "found"
    assert company.records() == there


def test_events_that_are_lost_or_come_twice_train_nothing_twice(company: Company, first: str) -> None:
    assert first
    airflow, there = company.stack, company.records()
    before = set(airflow.runs(RETRAIN))
    for asset in ("slipway-data", "slipway-data", f"slipway-data-{MODEL}"):
        airflow.wake(asset)
    woken = set(airflow.settled(RETRAIN)) - before
    assert woken
    for run in woken:
        assert airflow.state(RETRAIN, run, "cause") == airflow.state(RETRAIN, run, "train") == "skipped"
        assert "not retrained: " in airflow.returned(RETRAIN, run, "cause")["line"]
    assert company.records() == there


def test_a_champion_whose_event_came_to_nothing_is_found_by_reconcile_and_released_once(
    company: Company, first: str
) -> None:
    assert first
    airflow = company.stack
    assert set(airflow.settled(ROLLOUT).values()) == {"failed"}
    assert company.decisions("release") == []
    company.run("freeze", "--lift", "--reason", "it is rebuilt", by="flows")
    airflow.pause("reconcile", paused=False)
    airflow.trigger("reconcile")
    runs = airflow.settled("reconcile")
    assert set(runs.values()) == {"success"}, [airflow.states("reconcile", run) for run in runs]
    assert {model for run in runs for model in airflow.returned("reconcile", run, "champions")} == {MODEL}
    airflow.wake(f"slipway-champion-{MODEL}")
    airflow.wait(lambda: "success" in airflow.runs(ROLLOUT).values(), "the champion is released")
    airflow.settled(ROLLOUT)
    (released,) = company.decisions("release")
    assert released["decision"]["subjects"]["version"] == "1"
