"""Tasks that look after everything, and the notice of a retraining that failed: with real commands as children."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import AssetAlias
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from own_model import make_project
from releasing import MODEL, Site
from slipway.pipelines.airflow import assets, command_operator
from slipway.pipelines.airflow.command_operator import (
    SlipwayChampionsOperator,
    SlipwayCommandOperator,
    is_here,
    waiting,
)
from slipway.pipelines.airflow.notices import Failed, WentWell, words
from slipway.pipelines.airflow.project import Project
from slipway.platform.errors import SlipwayError
from slipway.platform.settings import load
from slipway.serving.fleet.notices.book import Book
from slipway.serving.fleet.store.store import FleetStore


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, as a worker's process sees it."""
    root = make_project(tmp_path / "project")
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(root))
    return root


def command(*arguments: str, **fields: Any) -> SlipwayCommandOperator:
    return SlipwayCommandOperator(task_id="jobs", arguments=list(arguments), **fields)


@pytest.mark.usefixtures("root")
def test_a_command_returns_what_it_prints_and_fails_in_its_own_words() -> None:
    assert "bay-occupancy" in str(command("models").execute({}))
    with pytest.raises(AirflowFailException, match="No such command 'jubs'"):
        command("jubs").execute({})
    with pytest.raises(AirflowException, match="no channel") as raised:
        command("channel", "keepalive", "--yes").execute({})
    assert not isinstance(raised.value, AirflowFailException)


def test_what_the_settings_do_not_ask_for_is_skipped() -> None:
    with pytest.raises(AirflowSkipException):
        command("data", "gc", "--yes", needed=False).execute({})


def test_what_takes_a_key_is_skipped_where_nobody_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path / "site").open()
    for name, value in site.environ.items():
        monkeypatch.setenv(name, value)
    project = Project(str(site.root))
    assert is_here("guard-service", project)
    assert not is_here("rollout-service", project)
    with pytest.raises(AirflowSkipException, match="No rollout-service has a key here"):
        command("channel", "keepalive", "--yes", role="rollout-service", project=str(site.root)).execute({})


class Events(dict[Any, Any]):
    """Where a task says which assets have changed."""

    def __missing__(self, key: Any) -> Any:
        added: list[Any] = []
        self[key] = SimpleNamespace(added=added, add=added.append)
        return self[key]


def test_every_champion_that_waits_wakes_its_rollout_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(model: str, project: Project) -> str:
        del project
        if model == "broken":
            raise SlipwayError("The store is away.")
        return "version 3 was not released yet." if model == "waits" else ""

    monkeypatch.setattr(command_operator, "waiting", told)
    alias, events = AssetAlias("waiting"), Events()
    models = ["released", "broken", "waits"]
    operator = SlipwayChampionsOperator(task_id="champions", models=models, alias=alias)
    assert operator.execute({"outlet_events": events}) == ["waits"]
    assert events[alias].added == [assets.champion("waits")]
    nobody = SlipwayChampionsOperator(task_id="champions", models=["broken"], alias=alias)
    with pytest.raises(AirflowException, match="broken: The store is away"):
        nobody.execute({"outlet_events": Events()})


def test_a_model_without_a_champion_waits_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path / "site").open()
    for name, value in site.environ.items():
        monkeypatch.setenv(name, value)
    assert waiting(MODEL, Project(str(site.root))) == ""


def failing(task: str = "train") -> Any:
    instance = SimpleNamespace(task_id=task, run_id="asked-1", dag_id="retrain__small-bays", log_url="http://a/log")
    return {"ti": instance, "exception": AirflowException("quiet-heron is failed: \n it broke.")}


def test_a_notice_says_what_failed_and_where_its_log_is() -> None:
    assert words(failing()) == "train failed: quiet-heron is failed: it broke. Its log: http://a/log"
    silent = {"ti": SimpleNamespace(task_id="gate", run_id="r", dag_id="d")}
    assert words(silent) == "gate failed: it ended without a word Its log: run r of d"  # type: ignore[arg-type]


def test_people_hear_of_a_retraining_that_failed_until_one_goes_well(root: Path) -> None:
    loaded = load(root, {"HOME": str(root.parent)})
    FleetStore.of(loaded).close()
    project = Project(str(root))

    def causes() -> list[str]:
        with Book.of(loaded) as book:
            return [one.notice.cause for one in book.standings()]

    Failed("small-bays", project)(failing())
    Failed("small-bays", project)(failing("gate"))
    assert causes() == ["retraining-failed/small-bays"]
    WentWell("small-bays", project)({})
    assert causes() == []
    WentWell("small-bays", project)({})


@pytest.mark.usefixtures("root")
def test_a_project_without_a_fleet_has_nobody_to_tell_and_the_task_ends_as_it_does() -> None:
    Failed("small-bays", Project())(failing())
    WentWell("small-bays", Project())({})
