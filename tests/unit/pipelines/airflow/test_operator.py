"""The operator's own decisions; a real Airflow runs it in tests/e2e."""

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from fake_work.project import make_project
from slipway.pipelines.airflow.operator import SlipwayJobOperator
from slipway.pipelines.airflow.project import Project
from slipway.pipelines.airflow.submitting import Work
from slipway.pipelines.airflow.trigger import SlipwayJobTrigger
from slipway.pipelines.airflow.watching import JobWatch
from slipway.platform.errors import WrongUse
from slipway.platform.jobs.wishes import wish, wishes
from slipway.platform.runs.records import Outcome, State
from slipway.platform.store import StoreUnreachable


def ended(**told: Any) -> dict[str, Any]:
    return {"key": "r1-0", "name": "first-try", "reason": "It broke.", "mend": "", "metrics": {}, **told}


def test_either_a_model_or_a_script_is_wanted() -> None:
    with pytest.raises(ValueError, match="either"):
        SlipwayJobOperator(task_id="work")
    with pytest.raises(ValueError, match="either"):
        SlipwayJobOperator(task_id="work", model="vehicle-reid", script="train.py")


def test_a_task_returns_what_others_need() -> None:
    operator = SlipwayJobOperator(task_id="work", model="vehicle-reid")
    event = ended(state="done", cause=None, metrics={"test/mAP": 0.4}, attempt=1)
    assert operator.execute_complete({}, event) == {"name": "first-try", "key": "r1-0", "metrics": {"test/mAP": 0.4}}


@pytest.mark.parametrize(
    ("cause", "tried_again"), [("lost", True), ("image missing", True), ("exit code", False), ("cancelled", False)]
)
def test_only_what_another_try_may_mend_is_tried_again(cause: str, tried_again: bool) -> None:
    operator = SlipwayJobOperator(task_id="work", model="vehicle-reid")
    with pytest.raises(AirflowException, match=r"first-try is failed: It broke\.") as raised:
        operator.execute_complete({}, ended(state="failed", cause=cause))
    assert isinstance(raised.value, AirflowFailException) != tried_again


def test_what_submit_refuses_is_not_tried_again(tmp_path: Path) -> None:
    make_project(tmp_path / "project", {"HOME": str(tmp_path)})
    operator = SlipwayJobOperator(task_id="work", model="vehicle-read", project=str(tmp_path / "project"))
    with pytest.raises(AirflowFailException, match="vehicle-reid"):
        operator.execute({})


def test_a_project_that_this_machine_has_not_is_told_with_what_to_set() -> None:
    with pytest.raises(WrongUse) as refused:
        _ = Project("/nowhere").root
    assert "SLIPWAY_PROJECT" in (refused.value.mend or "")


def test_airflows_variables_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_STORE", "secret")
    monkeypatch.setenv("SLIPWAY_LOG_LEVEL", "info")
    environ = Project("", "dev").environ
    assert "secret" not in environ.values()
    assert (environ["SLIPWAY_LOG_LEVEL"], environ["SLIPWAY_CONTEXT"]) == ("info", "dev")


def test_words_of_a_person_are_never_taken_for_options() -> None:
    words = Work(script="train.py", script_arguments=["--on", "other"], target="cpu").arguments()
    assert words[words.index("--") :] == ["--", "--on", "other"]
    assert words[words.index("--on") + 1] == "cpu"


def test_a_trigger_is_made_again_from_what_it_says_of_itself() -> None:
    path, arguments = SlipwayJobTrigger("r1-0", "/project", "dev", 1.0).serialize()
    assert path == f"{SlipwayJobTrigger.__module__}.SlipwayJobTrigger"
    assert SlipwayJobTrigger(**arguments).serialize() == (path, arguments)


def test_a_look_reads_on_where_the_one_before_ended_and_tells_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project", {"HOME": str(tmp_path)})
    work = project.work("first-try")
    spec = work.assign().attempt
    watch = JobWatch(Project(str(project.loaded.root)), work.key)
    monkeypatch.setattr(watch._overseer, "once", lambda _: None)
    store, keys = project.store, work.keys()
    store.put(f"{keys.log}000000000000", b"one\ntw")
    assert watch.look().lines[-1] == "one"
    store.put(f"{keys.log}000000000006", b"o\nthree\n")
    assert watch.look().lines == ("two", "three")
    Outcome(state=State.FAILED, reason="It broke.", ended=spec.created, seconds=1).bind(store, keys.outcome)
    monkeypatch.setattr(watch._overseer, "once", watch._overseer.standing)
    event = watch.look().event
    assert event is not None
    assert (event["state"], event["reason"], event["attempt"]) == ("failed", "It broke.", 1)


def test_a_store_that_is_away_is_told_once_and_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path / "project", {"HOME": str(tmp_path)})
    watch = JobWatch(Project(str(project.loaded.root)), project.work("first-try").key)

    def away(_: str) -> None:
        raise StoreUnreachable("The store does not answer.")

    monkeypatch.setattr(watch._overseer, "once", away)
    looks = [watch.look() for _ in range(2)]
    assert [len(look.lines) for look in looks] == [1, 0]
    assert [look.event for look in looks] == [None, None]


def test_a_task_that_ends_is_only_detached_from_what_others_want_also_where_it_submitted_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project", {"HOME": str(tmp_path)})
    work = project.work("first-try")
    spec = work.assign().attempt
    monkeypatch.setenv("SLIPWAY_IDENTITY__PERSON", spec.submitted_by)
    for person in (spec.submitted_by, "grace"):
        wish(project.store, work.key, person, spec.created)
    done = JobWatch(Project(str(project.loaded.root)), work.key).cancel()
    assert (done.how, done.others) == ("detached", ("grace",))
    assert [one.person for one in wishes(project.store, work.key)] == ["grace"]
