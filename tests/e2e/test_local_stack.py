"""`slipway local up` for real: MLflow, Airflow, a small fleet, used by commands, killed, and gone without a trace."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from slipway.pipelines.local import processes, standing
from slipway.pipelines.local.place import Place
from slipway.platform.runs.tracking.tracker import Tracker, open_tracker
from slipway.platform.settings import Loaded, load
from slipway.platform.settings.files import stack_file

pytestmark = [pytest.mark.xdist_group("local-stack"), pytest.mark.timeout(420)]

SLIPWAY = [sys.executable, "-P", "-c", "from slipway.platform.cli.main import run; run()"]
PATIENCE_SECONDS = 240.0
DAG = """
import os
from pathlib import Path
from airflow.sdk import dag, task

@dag(schedule=None)
def look():
    @task(pool="slipway-local", retries=2, retry_delay=1)
    def seen():
        from slipway.platform.settings import load
        settings = load(Path(os.environ["SLIPWAY_PROJECT"]), os.environ).settings
        return {"mlflow": settings.mlflow.tracking_uri, "person": settings.identity.person}
    seen()

look()
"""


class Site:
    """A project whose stack runs, held by a `slipway local up` in the foreground."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home = folder / "project", folder / "home"
        self.environ = {"HOME": str(self.home), "PATH": os.environ["PATH"], "USER": "ada", "LOGNAME": "ada"}
        self.place = Place(self.root, self.environ)
        self.said = folder / "said"
        self.up: subprocess.Popen[bytes] | None = None

    def found(self) -> None:
        (self.root / "dags").mkdir(parents=True)
        self.home.mkdir()
        (self.root / "slipway.toml").touch()
        (self.root / "dags/look.py").write_text(DAG)

    def start(self) -> None:
        with self.said.open("wb") as said:
            words = [*SLIPWAY, "local", "up", "--agents", "1"]
            self.up = subprocess.Popen(
                words, cwd=self.root, env=self.environ, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        wait(lambda: "Ctrl-C stops it" in self.told or self.up is None or self.up.poll() is not None, "it is healthy")
        assert "Ctrl-C stops it" in self.told, self.told + self.place.log.read_text()[-5000:]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*SLIPWAY, *words],
            cwd=self.root,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def told(self) -> str:
        return self.said.read_text()

    @property
    def loaded(self) -> Loaded:
        return load(self.root, self.environ)

    @contextmanager
    def tracker(self) -> Iterator[Tracker]:
        """The record, as any command has it just now."""
        with closing(open_tracker(self.loaded.settings.mlflow, self.root)) as tracker:
            yield tracker

    def status(self) -> dict[str, dict[str, Any]]:
        told = json.loads(self.command("local", "status", "--json").stdout)
        return {one["name"]: one for one in told["components"]}

    def airflow(self) -> httpx.Client:
        airflow = self.loaded.settings.airflow
        assert airflow.url is not None
        assert airflow.password is not None
        login = {"username": airflow.username, "password": airflow.password.get_secret_value()}
        token = httpx.post(f"{airflow.url}/auth/token", json=login, timeout=60).raise_for_status().json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return httpx.Client(base_url=f"{airflow.url}/api/v2", headers=headers, timeout=60)


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    made.found()
    try:
        made.start()
        yield made
    finally:
        made.command("local", "down")
        if made.up is not None:
            made.up.wait(60)
    assert not processes.of_stack(made.place.name)


def test_all_parts_are_healthy_and_told_with_their_addresses(site: Site) -> None:
    found = site.status()
    assert {one["part"] for one in found.values()} == {"mlflow", "airflow", "fleet"}
    assert {one["state"] for one in found.values()} == {"healthy", "done"}
    assert all(one["memory_mb"] > 5 for one in found.values() if one["state"] == "healthy")
    for page in ("mlflow", "airflow"):
        address = site.command("local", "open", page).stdout.strip()
        assert address in site.told
        assert httpx.get(address, follow_redirects=True, timeout=60).is_success
    session = site.command("local", "open", "console").stdout.strip()
    assert httpx.get(session, follow_redirects=True, timeout=60).is_success


def test_it_listens_on_loopback_alone(site: Site) -> None:
    listening = [
        (one.pid, socket.laddr.ip)
        for one in processes.of_stack(site.place.name)
        for socket in one.net_connections()
        if socket.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 4
    assert {address for _, address in listening} == {"127.0.0.1"}


def test_passwords_are_told_once_and_everything_is_private(site: Site) -> None:
    password = site.loaded.settings.airflow.password
    assert password is not None
    assert site.told.count(password.get_secret_value()) == 1
    assert password.get_secret_value() not in site.place.log.read_text()
    assert site.place.folder.stat().st_mode & 0o777 == 0o700
    private = [path for path in site.place.folder.iterdir() if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}


def test_the_doctor_finds_servers_and_login_in_order(site: Site) -> None:
    findings = {one["name"]: one for one in json.loads(site.command("doctor", "--json").stdout)["findings"]}
    assert findings["mlflow"]["detail"].startswith("server ")
    assert {findings[name]["status"] for name in ("mlflow", "airflow", "airflow login")} == {"ok"}


def test_a_dag_of_the_project_runs_as_the_service_for_flows_and_sees_the_stack(site: Site) -> None:
    with site.airflow() as api:
        wait(lambda: api.get("/dags/look").is_success, "the DAG is known")
        run = api.post("/dags/look/dagRuns", json={"logical_date": None}).raise_for_status().json()["dag_run_id"]

        def over() -> bool:
            return str(api.get(f"/dags/look/dagRuns/{run}").json()["state"]) in {"success", "failed"}

        wait(over, "the run is over")
        value = api.get(f"/dags/look/dagRuns/{run}/taskInstances/seen/xcomEntries/return_value").json()["value"]
    assert value == {"mlflow": site.loaded.settings.mlflow.tracking_uri, "person": "flows"}


def test_what_is_killed_comes_back_where_it_was(site: Site) -> None:
    before = site.status()
    for name in ("fleet", "mlflow"):
        os.kill(before[name]["pid"], signal.SIGKILL)

    def back() -> bool:
        now = standing.read(site.place)
        assert now is not None
        return now.healthy and {one.name for one in now.components if one.restarts} == {"fleet", "mlflow"}

    wait(back, "both are healthy again")
    after = site.status()
    assert {name: one["address"] for name, one in after.items()} == {
        name: one["address"] for name, one in before.items()
    }
    assert {name for name in after if after[name]["pid"] != before[name]["pid"]} == {"fleet", "mlflow"}


def test_a_second_up_says_whose_it_is_and_changes_nothing(site: Site) -> None:
    assert site.up is not None
    again = site.command("local", "up", "--only", "airflow,mlflow")
    assert again.returncode == 0
    assert f"runs already, started by ada, process {site.up.pid}" in re.sub(r"\s+", " ", again.stderr)
    assert site.loaded.settings.mlflow.tracking_uri in again.stdout


def test_killing_the_supervisor_leaves_nothing_and_the_records_stay(site: Site) -> None:
    assert site.up is not None
    (site.root / "curve.txt").write_text("up")
    with site.tracker() as tracker:
        run = tracker.create(tracker.experiment("look"), "kept", {"who": "ada"}, int(time.time() * 1000))
        tracker.artifact(run, site.root / "curve.txt", "pictures/curve.txt")
    now = standing.read(site.place)
    assert now is not None
    os.kill(now.supervisor, signal.SIGKILL)
    assert site.up.wait(PATIENCE_SECONDS) == 1
    assert "killed" in site.told.splitlines()[-2]
    assert not processes.of_stack(site.place.name)
    assert not stack_file(site.root).exists()
    assert site.command("local", "status").returncode == 1
    assert site.loaded.settings.mlflow.tracking_uri.startswith("sqlite:///")
    with site.tracker() as tracker:
        kept = tracker.look(run.run_id)
    assert kept is not None
    assert kept.tags["who"] == "ada"
    assert (Path(kept.artifacts) / "pictures/curve.txt").read_text() == "up"


def test_purging_removes_the_stacks_own_state_alone(site: Site) -> None:
    before = {path.name for path in (site.root / ".slipway").iterdir()}
    asked = site.command("local", "down", "--purge")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert site.command("local", "down", "--purge", "--yes").returncode == 0
    assert before - {path.name for path in (site.root / ".slipway").iterdir()} == {"local"}
    assert any((site.home / ".config/slipway/keys").iterdir())
