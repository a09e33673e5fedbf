"""DAG files parse fast and import little, and the factory makes of a declaration what it says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from own_model import DECLARATION, MODEL, ROOT, make_project
from slipway.pipelines.airflow import factory
from slipway.pipelines.airflow.approval import SlipwayApproveOperator
from slipway.pipelines.airflow.factory import Factory, check_declarations, model_dags, project_dags
from slipway.pipelines.airflow.project import Project
from slipway.pipelines.airflow.step_operator import SlipwayStepOperator
from slipway.platform.errors import SlipwayError
from slipway.platform.models.finder import model_named

HEAVY = {
    "torch", "mlflow", "pandas", "numpy", "pyarrow", "great_expectations", "dvc", "boto3", "botocore", "lightning",
    "hydra", "omegaconf", "onnxruntime", "kubernetes", "securesystemslib", "tuf", "fastapi", "apprise",
}  # fmt: skip
MOST_MODULES = 130
"""That DAG files import beyond Airflow's own; 92 when this was written."""
PARSE = """
import json, runpy, sys
import airflow.sdk
from airflow.sdk import DAG
import airflow.triggers.base
from airflow.providers.standard.operators import hitl
before = set(sys.modules)
found = {path: [name for name, one in runpy.run_path(path).items() if isinstance(one, DAG)] for path in sys.argv[1:]}
print(json.dumps({"dags": found, "new": sorted(set(sys.modules) - before)}))
"""
TARGETS = """
[contexts.prod]
airflow.target = "gpu"
airflow.snapshot = "slipway/data"
[contexts.prod.targets.gpu]
gpus = 1
slots = 3
"""


@pytest.fixture(scope="module")
def parsed() -> dict[str, Any]:
    """What a process has that only parsed the DAG files."""
    paths = [str(path) for path in sorted((ROOT / "dags").glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *paths], capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_parsing_imports_nothing_heavy_and_no_part_that_works(parsed: dict[str, Any]) -> None:
    new = set(parsed["new"])
    assert {name.partition(".")[0] for name in new} & HEAVY == set()
    working = ("registry", "identity", "store", "jobs", "ledger", "runs", "doctor")
    assert [name for name in new if name.startswith(tuple(f"slipway.platform.{part}" for part in working))] == []
    assert [name for name in new if name.startswith(("slipway.training.", "slipway.serving"))] == []
    assert len(new) <= MOST_MODULES


def test_every_declared_model_has_its_dags(parsed: dict[str, Any]) -> None:
    found = {Path(path).name: set(dags) for path, dags in parsed["dags"].items()}
    models = ("bay-occupancy", "vehicle-detect", "vehicle-reid")
    kinds = ("retrain", "rollout", "watch")
    assert found["slipway_models.py"] == {f"{kind}__{model}" for kind in kinds for model in models}
    assert found["slipway_project.py"] == {"ingest", "reconcile"}
    assert found["slipway_declarations.py"] == set()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a model of its own."""
    root = make_project(tmp_path / "project")
    monkeypatch.syspath_prepend(root)
    (root / "slipway.toml").write_text(TARGETS)
    return Project(str(root), "prod")


def declared(project: Project, more: str) -> DAG:
    """The retraining of the model, with more in its declaration."""
    (Path(project.folder) / "small_models/small_bays/model.yaml").write_text(DECLARATION + more)
    return model_dags(project)[f"retrain__{MODEL}"]


def waking(dag: DAG) -> set[str]:
    """The assets any of which starts it."""
    condition: Any = getattr(dag.timetable, "asset_condition", None)
    return {one.name for one in condition.objects} if condition else set()


@pytest.mark.parametrize(
    ("more", "cron", "wakes"),
    [
        ("", None, set()),
        ("retrain: {on: [data]}\n", None, {"slipway-data", f"slipway-data-{MODEL}"}),
        ("retrain: {on: [drift]}\n", None, {f"slipway-drift-{MODEL}"}),
        ("retrain: {on: [schedule], schedule: 0 3 * * 1}\n", "0 3 * * 1", set()),
        (
            "retrain: {on: [labels, drift, schedule], schedule: 0 3 * * 1}\n",
            "0 3 * * 1",
            {"slipway-data", f"slipway-data-{MODEL}", f"slipway-drift-{MODEL}"},
        ),
    ],
)
def test_what_the_declaration_names_starts_a_retraining(
    project: Project, more: str, cron: str | None, wakes: set[str]
) -> None:
    dag = declared(project, more)
    timetable = dag.timetable
    time = timetable.timetable if isinstance(timetable, AssetOrTimeSchedule) else timetable
    assert (time.expression if isinstance(time, CronTriggerTimetable) else None) == cron
    assert waking(dag) == wakes


def test_a_retraining_trains_in_its_targets_pool_one_run_at_a_time(project: Project) -> None:
    dag = declared(project, "")
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    pools = {task.task_id: task.pool for task in dag.tasks if task.pool != "default_pool"}
    assert pools == {"train": "slipway-gpu"}
    assert dag.params.get_param("target").schema["enum"] == ["gpu", "local"]
    assert (dag.params["target"], dag.params["snapshot"]) == ("gpu", "slipway/data")
    assert dag.default_args["owner"] == "ada"


def test_each_step_is_given_what_all_before_it_told(project: Project) -> None:
    dag = declared(project, "")
    order = [task.task_id for task in dag.topological_sort()]
    assert order == [*factory.TO_THE_PAGE, "ask", "approval", "approve", "promote"]
    for task in dag.tasks:
        if isinstance(task, SlipwayStepOperator):
            assert task.after == [one for one in factory.TO_THE_PAGE if order.index(one) < order.index(task.task_id)]
    assert isinstance(dag.get_task("approve"), SlipwayApproveOperator)


def test_the_page_has_the_reason_alone_for_a_form(project: Project) -> None:
    page = declared(project, "").get_task("approval")
    assert set(page.params) == {"reason"}


def test_a_broken_declaration_hinders_no_other_model_and_is_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_declarations()
    (Path(project.folder) / "small_models/small_bays/model.yaml").write_text(f"{DECLARATION}owner_team: x\n")
    names = set(model_dags(project))
    assert f"retrain__{MODEL}" not in names
    assert "retrain__bay-occupancy" in names
    with pytest.raises(SlipwayError, match="owner_team"):
        check_declarations()
    monkeypatch.undo()


def test_in_a_tasks_process_only_its_own_dag_is_made(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "reconcile")
    assert model_dags(project) == {}
    assert set(project_dags(project)) == {"reconcile"}


def test_what_looks_after_everything_removes_data_only_where_the_settings_say_so(project: Project) -> None:
    def needed(dag: DAG) -> dict[str, bool]:
        return {task.task_id: getattr(task, "needed", True) for task in dag.tasks}

    assert needed(project_dags(project)["reconcile"]) == {
        "jobs": True, "aliases": True, "channel": True, "pages": False, "garbage": False, "champions": True,
    }  # fmt: skip
    path = Path(project.folder) / "slipway.toml"
    path.write_text(TARGETS.replace('airflow.target = "gpu"', 'airflow.garbage = true\nairflow.url = "http://x"'))
    assert {name for name, one in needed(project_dags(project)["reconcile"]).items() if not one} == set()


def test_where_nothing_is_to_be_done_nobody_is_woken(project: Project) -> None:
    """A skipped task's assets have not changed: no place for deliveries, no champion, nothing in the field."""
    made = {**model_dags(project), **project_dags(project)}
    for dag in ("ingest", f"rollout__{MODEL}", f"watch__{MODEL}"):
        (task,) = made[dag].tasks
        assert isinstance(task, SlipwayStepOperator)
        assert task.ends


def test_a_model_is_found_without_its_code(project: Project) -> None:
    (Path(project.folder) / "small_models/small_bays/__init__.py").write_text("raise RuntimeError('imported')\n")
    dag = Factory.of(project).rollout(model_named(MODEL))
    assert waking(dag) == {f"slipway-champion-{MODEL}"}
