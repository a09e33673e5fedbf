"""The whole loop on servers, by settings alone: from data in S3 to a release, then lost and put back elsewhere.

Store, data, channel and artefacts are in S3; Airflow, MLflow and the fleet store each have a database in PostgreSQL,
and Airflow has two schedulers, which only a server allows.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from airflow_stack.company import Company
from airflow_stack.stack import Stack, free_port
from on_servers import Servers
from own_model import DECLARATION, MODEL, ROOT, make_project

pytestmark = [pytest.mark.xdist_group("services"), pytest.mark.timeout(2400)]

BIN = Path(sys.executable).parent
RETRAIN, ROLLOUT = f"retrain__{MODEL}", f"rollout__{MODEL}"
SHORT = ("batch=8", "trainer.max_epochs=2")
START_SECONDS = 240


def driven(address: str) -> str:
    """As SQLAlchemy takes it."""
    return address.replace("postgresql:", "postgresql+psycopg2:")


@contextmanager
def mlflow(servers: Servers, database: str, artefacts: str, folder: Path) -> Iterator[str]:
    """The address of MLflow's server, as slim as it gets."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", driven(database), "--artifacts-destination", artefacts,
    ]  # fmt: skip
    environ = {
        "HOME": str(folder), "PATH": f"{BIN}:/usr/bin:/bin", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{servers.s3}",
        "AWS_ACCESS_KEY_ID": "ada", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    with (folder / "mlflow.log").open("ab") as log:
        server = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + START_SECONDS
        while not _answers(f"{address}/health"):
            ended = server.poll() is not None or time.monotonic() > until
            assert not ended, (folder / "mlflow.log").read_text()[-3000:]
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def fleet(company: Company, **more: str) -> Iterator[dict[str, str]]:
    """The fleet service, and how commands find it."""
    port = str(free_port())
    reach = {**more, "SLIPWAY_FLEET__PORT": port, "SLIPWAY_FLEET__URL": f"http://127.0.0.1:{port}"}
    environ = {**company.environ, **reach, "SLIPWAY_IDENTITY__PERSON": "rollouts"}
    command = [str(BIN / "slipway"), "fleet", "serve"]
    with subprocess.Popen(command, cwd=company.root, env=environ, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("Listening")
            yield reach
        finally:
            server.terminate()


def settings(servers: Servers, place: str, tracking: str, mlflow_database: str, fleet_database: str) -> dict[str, str]:
    """A context on both servers."""
    return {
        **servers.reach,
        "SLIPWAY_STORE__URL": f"{place}/store",
        "SLIPWAY_DATA__REMOTE": f"{place}/data",
        "SLIPWAY_CHANNEL__URL": f"{place}/channel",
        "SLIPWAY_FLEET__DATABASE": fleet_database,
        "SLIPWAY_MLFLOW__TRACKING_URI": tracking,
        "SLIPWAY_MLFLOW__DATABASE": mlflow_database,
        "SLIPWAY_MLFLOW__ARTIFACTS": f"{place}/mlflow",
    }


@pytest.fixture(scope="module")
def company(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("company")
    root = make_project(folder / "project", f"{DECLARATION}retrain: {{on: [data, labels]}}\n")
    shutil.copytree(ROOT / "dags", root / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    database, airflow = servers.database(), servers.database()
    place = servers.place()
    with mlflow(servers, database, f"{place}/mlflow", folder) as tracking:
        environ = {
            "HOME": str(folder), "PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root),
            **settings(servers, place, tracking, database, servers.database()),
        }  # fmt: skip
        company = Company(root, environ)
        company.found()
        company.trust("edda", "operator")
        company.run("data", "push")
        acts = {**environ, "SLIPWAY_PROJECT": str(root), "SLIPWAY_IDENTITY__PERSON": "flows"}
        acts["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = driven(airflow)
        acts["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = ""  # another driver, for what nobody here asks
        pools = company.ask("flow", "pools")
        with Stack(
            folder / "stack", root / "dags", people=("ada", "ben"), pools=pools, twice=("scheduler",), **acts
        ) as company.airflow:
            company.stack.wait(lambda: {RETRAIN, ROLLOUT} <= company.stack.known(), "the DAGs are known")
            for dag in company.stack.known() - {RETRAIN, ROLLOUT}:
                company.stack.pause(dag)
            yield company


@pytest.fixture(scope="module")
def champion(company: Company) -> str:
    """The run of Airflow that led to one, which was released."""
    airflow = company.stack
    run = airflow.trigger(RETRAIN, overrides=list(SHORT))
    airflow.asked(RETRAIN, run, "approval")
    airflow.answer(RETRAIN, run, "approval", "Approve", by="ben", reason="looked at the rows")
    assert airflow.ended(RETRAIN, run) == "success", airflow.states(RETRAIN, run)
    airflow.wait(lambda: bool(airflow.runs(ROLLOUT)), "the champion wakes its rollout")
    assert set(airflow.settled(ROLLOUT).values()) == {"success"}
    return run


def test_from_a_trigger_to_one_release_on_servers_alone_with_two_schedulers(company: Company, champion: str) -> None:
    assert champion
    assert company.stack.schedulers() == 2
    assert [one["decision"]["actor"] for one in company.decisions("approve")] == ["ben"]
    assert [one["state"] for one in company.ask("model", "list")] == ["champion"]
    assert len(company.decisions("release")) == 1
    assert company.ask("model", "guard", "--once", "--dry-run", by="guard")[0]["deeds"] == []
    state = {path.name for path in (company.root / ".slipway").iterdir()}
    assert not state & {"store", "remote", "channel", "fleet.db", "mlflow.db", "mlflow-artifacts"}


def test_asked_again_everything_is_found(company: Company, champion: str) -> None:
    assert champion
    there = company.records()
    run = company.stack.trigger(RETRAIN, overrides=list(SHORT))
    assert company.stack.ended(RETRAIN, run) == "success"
    assert company.stack.returned(RETRAIN, run, "train")["how"] == "found"
    assert company.records() == there


def test_backed_up_and_lost_it_comes_back_on_other_servers_databases(
    company: Company, champion: str, servers: Servers, tmp_path: Path
) -> None:
    assert champion
    with fleet(company) as reach:
        company.run("fleet", "enrol", "--id", "gate-1", "--model", MODEL, "--yes", by="edda", **reach)
        tokens = company.ask("fleet", "list", "--tokens", by="edda", **reach)
    backups, place = servers.place(), servers.place()
    made = company.ask("backup", backups)
    assert {part["part"]: part["objects"] > 0 for part in made["parts"]} == {
        "fleet": True, "channel": True, "store": True, "mlflow": True, "artefacts": True, "people": True,
    }  # fmt: skip
    assert "is whole" in company.run("backup", backups, "--verify")
    database = servers.database()
    elsewhere = settings(servers, place, "http://127.0.0.1:1", database, servers.database())
    people = {"SLIPWAY_IDENTITY__PEOPLE": str(tmp_path / "people.toml"), "SLIPWAY_DATA__CACHE": str(tmp_path / "cache")}
    company.run("restore", backups, **elsewhere, **people)
    with mlflow(servers, database, f"{place}/mlflow", tmp_path) as tracking:
        there = {**elsewhere, **people, "SLIPWAY_MLFLOW__TRACKING_URI": tracking}
        company.run("ledger", "verify", **there)
        assert company.ask("model", "list", **there) == company.ask("model", "list")
        assert "approve by ben" in company.run("lineage", f"{MODEL}@champion", **there)
        assert company.ask("model", "guard", "--once", "--dry-run", by="guard", **there)[0]["deeds"] == []
        company.run("channel", "verify", by="flows", **there)
        with fleet(company, **there) as reach:
            assert company.ask("fleet", "list", "--tokens", by="edda", **reach) == tokens
