"""What MLflow and Airflow are started with, and what `slipway local` says where there is nothing to start or stop."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commanding import Run, commanding
from slipway.pipelines.local import airflow, choosing, mlflow
from slipway.pipelines.local.airflow import Beat
from slipway.pipelines.local.choosing import Request
from slipway.pipelines.local.component import Component
from slipway.pipelines.local.credentials import kept
from slipway.pipelines.local.following import Following, sentence
from slipway.pipelines.local.keeping import Phase
from slipway.pipelines.local.parts import Founded
from slipway.pipelines.local.place import Place
from slipway.pipelines.local.ports import Ports
from slipway.pipelines.local.standing import ComponentStanding, Standing
from slipway.platform.errors import WrongUse
from slipway.platform.settings import load

FOUNDED = Founded(person="ada", users=("ben",), services={"flows": {"SLIPWAY_IDENTITY__PERSON": "flows"}})


@dataclass(frozen=True)
class Project:
    root: Path
    environ: Mapping[str, str]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    (root / "slipway.toml").touch()
    return Project(root, {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})


@pytest.fixture
def slipway(project: Project, monkeypatch: pytest.MonkeyPatch) -> Run:
    return commanding(project, monkeypatch, who="ada")


def made(project: Project, **outside: str) -> list[Component]:
    place = Place(project.root, {**project.environ, **outside})
    place.make()
    ports = Ports(place.folder / "ports.json")
    loaded = load(project.root, project.environ)
    credentials, _ = kept(place, choosing.users_of(FOUNDED))
    return [
        *mlflow.components(place, loaded, ports),
        *airflow.components(place, loaded, ports, FOUNDED, credentials),
    ]


def test_mlflow_serves_the_record_that_the_project_has_without_it(project: Project) -> None:
    (server, *_) = made(project)
    words = list(server.command)
    assert words[words.index("--backend-store-uri") + 1] == f"sqlite:///{project.root}/.slipway/mlflow.db"
    assert words[words.index("--default-artifact-root") + 1] == f"{project.root}/.slipway/mlflow-artifacts"
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert server.settings == {
        "mlflow.tracking_uri": server.address,
        "mlflow.database": f"sqlite:///{project.root}/.slipway/mlflow.db",
        "mlflow.artifacts": str(project.root / ".slipway/mlflow-artifacts"),
    }


def test_a_project_with_an_mlflow_server_of_its_own_is_told_to_do_without_this_one(project: Project) -> None:
    (project.root / "slipway.toml").write_text('[contexts.local]\nmlflow.tracking_uri = "http://mlflow:5000"\n')
    with pytest.raises(WrongUse, match="a server that this project uses already") as refused:
        made(project)
    assert refused.value.mend == "Start the others: slipway local up --only airflow,fleet"


def test_airflows_processes_wait_for_its_database_and_act_as_flows(project: Project) -> None:
    _, database, *four = made(project)
    assert database.once
    assert len(four) == 4
    assert {tuple(one.after) for one in four} == {(database.name,)}
    assert len({json.dumps(dict(one.environ)) for one in (database, *four)}) == 1
    assert four[0].environ["SLIPWAY_IDENTITY__PERSON"] == "flows"
    assert four[0].environ["SLIPWAY_PROJECT"] == str(project.root)
    assert four[0].environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "ada:admin,ben:op"
    assert four[0].settings["airflow.username"] == "ada"


def test_variables_tune_airflow_and_open_nothing(project: Project) -> None:
    database = "postgresql+psycopg2://ada@127.0.0.1/airflow"
    tuned = made(
        project,
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=database,
        AIRFLOW__API__HOST="0.0.0.0",  # noqa: S104 - what must not come through
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="true",
    )[-1].environ
    assert tuned["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == database
    assert tuned["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS" not in tuned


def test_the_same_secrets_and_ports_the_next_time(project: Project) -> None:
    def told() -> list[tuple[list[str], dict[str, str]]]:
        return [(list(one.command), dict(one.environ)) for one in made(project)]

    assert told() == told()


def test_a_heartbeat_of_an_earlier_stack_is_none() -> None:
    beat, now = Beat("http://127.0.0.1:9/health", "scheduler"), datetime.now(UTC)

    def missing(at: datetime | None, status: str = "healthy") -> str:
        return beat.missing({"status": status, "latest_scheduler_heartbeat": at.isoformat() if at else None})

    assert missing(None) == "no heartbeat"
    assert missing(now - timedelta(seconds=20)).startswith("no heartbeat since")
    assert missing(now + timedelta(seconds=1)) == ""
    assert missing(now + timedelta(seconds=1), "unhealthy").startswith("no heartbeat since")
    assert beat() == "the API server does not say yet"


@pytest.mark.parametrize(
    ("only", "groups"),
    [
        ((), ("mlflow", "airflow", "fleet")),
        (("fleet,mlflow",), ("mlflow", "fleet")),
        (("airflow", "mlflow"), ("mlflow", "airflow")),
    ],
)
def test_parts_are_named_with_commas_or_one_by_one(only: tuple[str, ...], groups: tuple[str, ...]) -> None:
    assert Request.of(only, 3).only == groups


def test_what_a_stack_does_not_have_is_named() -> None:
    assert Request.of(("airflow", "fleet"), 3).missing(("mlflow", "airflow")) == ["fleet"]


def test_a_wrong_part_is_refused_with_the_nearest(slipway: Run, project: Project) -> None:
    code, _, said = slipway("local", "up", "--only", "airflw")
    assert (code, "Did you mean `airflow`?" in said) == (2, True)
    assert not (project.root / ".slipway/local").exists()


def test_where_nothing_runs_commands_say_so_and_make_nothing(slipway: Run, project: Project) -> None:
    assert slipway("local", "status")[:2] == (1, "No stack of this project runs.\n")
    assert json.loads(slipway("local", "status", "--json")[1])["stack"] == "stopped"
    assert slipway("local", "down")[0] == 0
    assert slipway("local", "down", "--purge", "--yes")[0] == 0
    code, _, said = slipway("local", "open", "airflow")
    assert (code, "slipway local up" in said) == (1, True)
    assert not (project.root / ".slipway").exists()


def test_purging_without_anybody_to_ask_is_refused_and_a_dry_run_says_what_it_would_do(
    slipway: Run, project: Project
) -> None:
    Place(project.root, {}).make()
    assert slipway("local", "down", "--purge")[0] == 2
    assert "This would stop nothing and remove" in slipway("local", "down", "--purge", "--dry-run")[2]
    assert (project.root / ".slipway/local").exists()


def test_changes_are_told_once_and_silence_is_explained(project: Project) -> None:
    place, told, now = Place(project.root, {}), list[str](), [0.0]
    place.make()
    follow = Following(place, told.append, clock=lambda: now[0])

    def look(*phases: Phase, why: str = "") -> bool:
        components = tuple(
            ComponentStanding(name=f"c{number}", group="tiny", phase=phase, why=why)
            for number, phase in enumerate(phases)
        )
        given: dict[str, Any] = {"supervisor": os.getpid(), "since": time.time()}
        Standing(by="ada", detached=True, components=components, **given).write(place)
        return follow.until(lambda _: True) is not None

    look(Phase.STARTING, Phase.HEALTHY)
    look(Phase.STARTING, Phase.HEALTHY)
    look(Phase.HEALTHY, Phase.PAUSING, why="killed by SIGKILL")
    assert told == ["c1: healthy", "c0: healthy", "c1: killed by SIGKILL; it is started again"]


def test_a_component_is_told_with_what_people_need() -> None:
    server = ComponentStanding(name="mlflow", group="mlflow", phase=Phase.HEALTHY, took=7.4, address="http://m:1")
    assert sentence(server) == "mlflow: healthy after 7 s, http://m:1"
    again = server.model_copy(update={"restarts": 3, "took": 0.0, "address": ""})
    assert sentence(again) == "mlflow: healthy (started again 3 times)"
    gone = server.model_copy(update={"phase": Phase.GIVEN_UP, "why": "ended with code 1, 5 times in a row"})
    assert sentence(gone) == "mlflow: ended with code 1, 5 times in a row; given up"
