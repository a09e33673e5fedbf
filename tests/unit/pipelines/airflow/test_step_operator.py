"""A step as a task: what it is asked, what it does with what it is told, and that a real child answers."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred

from own_model import MODEL, make_project
from slipway.pipelines.airflow import assets
from slipway.pipelines.airflow.assets import cause_of
from slipway.pipelines.airflow.child import Asked
from slipway.pipelines.airflow.step_operator import SlipwayStepOperator, Wakes, values_of, why_begun
from slipway.pipelines.airflow.trigger import SlipwayJobTrigger
from slipway.pipelines.steps.step import How, Told


class Instance:
    """A task instance's XComs."""

    id, active = "0", 0

    def __init__(self, **told: Any) -> None:
        self.told, self.pushed = told, dict[str, Any]()

    def xcom_pull(self, task_ids: str) -> Any:
        return self.told.get(task_ids)

    def get_dr_count(self, dag_id: str, states: list[str]) -> int:
        assert (dag_id, states) == (f"retrain__{MODEL}", ["queued", "running"])
        return self.active

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


class Events(dict[Any, Any]):
    """Where a task says which assets have changed."""

    def __missing__(self, key: Any) -> Any:
        added: list[Any] = []
        self[key] = SimpleNamespace(added=added, add=added.append)
        return self[key]


def context(run_type: str = "manual", uris: tuple[str, ...] = (), **told: Any) -> Any:
    run = SimpleNamespace(run_type=SimpleNamespace(value=run_type), run_id="run-1", dag_id=f"retrain__{MODEL}")
    events = [*(Asset(name=uri, uri=uri) for uri in uris), *([AssetAlias("through-an-alias")] if uris else [])]
    return {
        "ti": Instance(**told), "params": {}, "dag_run": run, "triggering_asset_events": events,
        "outlet_events": Events(),
    }  # fmt: skip


def step(name: str = "train", **fields: Any) -> SlipwayStepOperator:
    return SlipwayStepOperator(task_id=name, step=name, model=MODEL, **fields)


def told(how: How, **fields: Any) -> Told:
    return Told(step="train", how=how, line="quiet-heron.", **fields)


def test_a_step_is_asked_as_a_person_would() -> None:
    asked = Asked(
        step="approve", model=MODEL, target="gpu", snapshot="5e1f", overrides=["optimizer.lr=3e-4"], budget="12.50",
        cause="data", given={"version": "3"}, answer={"responder": "ben", "response": "approve", "reason": ""},
        via={"run": "r"},
    )  # fmt: skip
    assert asked.arguments() == [
        "flow", "step", "--json", "--yes", "--no-wait", "--on", "gpu", "--given", '{"version": "3"}',
        "--snapshot", "5e1f", "--budget", "12.50", "--cause", "data", "--responder", "ben", "--response", "approve",
        "--via", '{"run": "r"}', "--", "approve", MODEL, "optimizer.lr=3e-4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("run_type", "uris", "cause"),
    [
        ("manual", (), "asked"),
        ("scheduled", (), "schedule"),
        ("backfill", (), "schedule"),
        ("asset_triggered", (f"{assets.DATA}/{MODEL}",), "data"),
        ("asset_triggered", (f"{assets.DRIFT}/{MODEL}",), "drift"),
        ("asset_triggered", (f"{assets.DRIFT}/{MODEL}", f"{assets.DATA}/"), "data"),
        ("asset_triggered", (), "data"),
    ],
)
def test_why_a_run_began(run_type: str, uris: tuple[str, ...], cause: str) -> None:
    assert cause_of(run_type, uris) == cause
    begun = context(run_type, uris)
    assert why_begun(begun) == cause
    begun["params"] = {"cause": "labels"}
    assert why_begun(begun) == "labels"


def test_values_of_later_tasks_stand_over_those_of_earlier_ones_and_skipped_tasks_tell_none() -> None:
    one = told(How.DONE, values={"snapshot": "a", "cause": "data"}).as_data()
    other = told(How.DONE, values={"snapshot": "b"}).as_data()
    found = values_of(context(snapshot=one, train=other), ["snapshot", "validate", "train"])
    assert found == {"snapshot": "b", "cause": "data"}


@pytest.mark.parametrize("how", [How.DONE, How.FOUND, How.SKIPPED])
def test_what_is_done_is_returned_as_plain_json(how: How) -> None:
    returned = step().settle(told(how, values={"run": "r1-0"}), context())
    assert (returned["how"], returned["values"]) == (how.value, {"run": "r1-0"})


def test_work_under_way_is_left_to_the_trigger_and_asked_for_again() -> None:
    with pytest.raises(TaskDeferred) as deferred:
        step(poll_seconds=1).settle(told(How.UNDER_WAY, work="r1-7"), context())
    assert isinstance(deferred.value.trigger, SlipwayJobTrigger)
    assert (deferred.value.trigger.key, deferred.value.method_name) == ("r1-7", "execute_complete")


@pytest.mark.parametrize(("cause", "tried_again"), [("lost", True), ("exit code", False)])
def test_work_that_ended_badly_fails_the_task_with_its_remedy(cause: str, tried_again: bool) -> None:
    event = {"state": "failed", "cause": cause, "name": "quiet-heron", "reason": "It broke.", "mend": "Mend it."}
    with pytest.raises(AirflowException, match=r"quiet-heron is failed: It broke\. Mend it\.") as raised:
        step().execute_complete(context(), event)
    assert isinstance(raised.value, AirflowFailException) != tried_again


@pytest.mark.parametrize("how", [How.REFUSED, How.WAITING, How.UNDER_WAY])
def test_what_ends_the_flow_fails_the_task_for_good_with_what_to_do(how: How) -> None:
    with pytest.raises(AirflowFailException, match=r"train of small-bays: quiet-heron\. Do this\."):
        step().settle(told(how, mend="Do this."), context())


@pytest.mark.parametrize("how", [How.WAITING, How.UNDER_WAY])
def test_a_step_that_may_wait_tells_so(how: How) -> None:
    assert step(may_wait=True).settle(told(how), context())["how"] == how.value
    with pytest.raises(AirflowFailException):
        step(may_wait=True).settle(told(How.REFUSED), context())


def test_a_step_that_ends_the_flow_skips_all_behind_it_and_keeps_what_it_told() -> None:
    now = context()
    with pytest.raises(AirflowSkipException, match="quiet-heron"):
        step("cause", ends=True).settle(told(How.SKIPPED), now)
    assert now["ti"].pushed["return_value"]["line"] == "quiet-heron."


@pytest.mark.parametrize(
    ("values", "active", "woken"), [({"cause": "drift"}, 0, 1), ({"cause": "drift"}, 1, 0), ({"release": "2"}, 0, 0)]
)
def test_a_cause_wakes_the_flow_that_is_not_awake_yet(values: dict[str, str], active: int, woken: int) -> None:
    wakes = Wakes(assets.drift(MODEL), AssetAlias("drift"), f"retrain__{MODEL}")
    watch, now = step("watch", wakes=wakes), context()
    now["ti"].active = active
    watch.settle(told(How.FOUND, values=values), now)
    assert now["outlet_events"][wakes.alias].added == [assets.drift(MODEL)] * woken
    assert wakes.alias in watch.outlets


@pytest.mark.parametrize(
    ("given", "listed"), [(["a=1"], ["a=1"]), ('["a=1", "b=[2]"]', ["a=1", "b=[2]"]), ("", []), ("[]", [])]
)
def test_overrides_are_a_list_or_json_of_one(given: Any, listed: list[str]) -> None:
    assert step(overrides=given).listed_overrides() == listed
    with pytest.raises(AirflowFailException, match="expected a list"):
        step(overrides='"a=1"').listed_overrides()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a model of its own, as a worker's process sees it."""
    root = make_project(tmp_path / "project")
    for name in ("PYTHONPATH", "SLIPWAY_PROJECT"):
        monkeypatch.setenv(name, str(root))
    monkeypatch.setenv("HOME", str(tmp_path))
    return root


@pytest.mark.usefixtures("root")
def test_a_child_answers_and_its_words_decide() -> None:
    asked = step("cause", cause="asked").execute(context())
    assert (asked["how"], asked["values"]) == ("done", {"cause": "asked"})
    with pytest.raises(AirflowSkipException, match=r"not retrained: model\.yaml names no cause"):
        step("cause", ends=True).execute(context("asset_triggered"))


@pytest.mark.usefixtures("root")
def test_wrong_use_fails_for_good_in_the_childs_own_words() -> None:
    with pytest.raises(AirflowFailException, match=r"There is no step `trane`\. Did you mean `train`\?"):
        step("trane").execute(context())


PATIENCE = 240
ENDED = """
import os, signal, sys, threading
from types import SimpleNamespace
from slipway.pipelines.airflow.step_operator import SlipwayStepOperator

step = SlipwayStepOperator(task_id="train", step="train", model="small-bays")
signal.signal(signal.SIGTERM, lambda *_: step.on_kill())
context = {"ti": SimpleNamespace(xcom_pull=lambda task_ids: None), "params": {}}
step.execute(context)
"""
CHILD = """#!{python}
import os, time
open("child", "w").write(str(os.getpid()))
time.sleep(600)
"""


def test_ending_the_task_ends_what_it_runs(root: Path, tmp_path: Path) -> None:
    """The child is one that would take long: a program in place of the interpreter that runs commands."""
    child = tmp_path / "python"
    child.write_text(CHILD.format(python=sys.executable))
    child.chmod(0o755)
    begin = f"import sys; sys.executable = {str(child)!r}\n{ENDED}"
    with subprocess.Popen([sys.executable, "-c", begin], stderr=subprocess.PIPE, text=True) as worker:
        deadline = time.monotonic() + PATIENCE
        while not (root / "child").exists() or not (root / "child").read_text():
            assert time.monotonic() < deadline
            assert worker.poll() is None
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=PATIENCE)
    assert "AirflowTaskTerminated: The task was ended." in said
    assert not psutil.pid_exists(int((root / "child").read_text()))
