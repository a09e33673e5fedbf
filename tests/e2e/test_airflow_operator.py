"""Work as an Airflow task, in a real Airflow: whatever of it is killed, the work is done once."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from airflow_stack.stack import Stack
from fake_work.project import FakeProject, make_project
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.standing import numbers

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.timeout(600)]

SCRIPT = """
import os, sys, time
from pathlib import Path
here = Path(sys.argv[1])
with (here / "starts").open("a") as file:
    file.write(f"{os.getpid()}\\n")
print(f"working on {sys.argv[2]}", flush=True)
while not (here / f"release-{sys.argv[2]}").exists():
    time.sleep(0.1)
(Path(os.environ["SLIPWAY_RESULTS"]) / "metrics.json").write_text('{"score": 0.5}')
print("released", flush=True)
"""
DAG = """
from airflow.sdk import DAG
from slipway.pipelines.airflow.operator import SlipwayJobOperator

for name in ("steady", "ended"):
    with DAG(name, schedule=None, catchup=False) as dag:
        SlipwayJobOperator(
            task_id="work", script="train.py", script_arguments=[{folder!r}, name], snapshot={snapshot!r},
            project={project!r}, poll_seconds=0.5, retries=2, retry_delay=1,
        )
    globals()[name] = dag
"""


class Site:
    """A project, an Airflow, and what the script left."""

    def __init__(self, folder: Path, project: FakeProject, airflow: Stack) -> None:
        self.folder, self.project, self.airflow = folder, project, airflow

    def starts(self) -> list[int]:
        """The processes that have ever run the script."""
        try:
            return [int(line) for line in (self.folder / "starts").read_text().split()]
        except FileNotFoundError:
            return []

    def release(self, name: str) -> None:
        """Let the script go on to its end."""
        (self.folder / f"release-{name}").touch()

    def outcomes(self, key: str) -> list[Outcome | None]:
        """Of all attempts."""
        store = self.project.store
        return [Outcome.load(store, WorkKeys(key).attempt(one).outcome) for one in numbers(store, key)]

    def waits(self, condition: Callable[[], bool], what: str) -> None:
        """Until it holds."""
        self.airflow.wait(condition, what)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    project = make_project(folder / "project", {"HOME": str(folder)})
    root = project.loaded.root
    (root / "train.py").write_text(SCRIPT)
    (folder / "dags").mkdir()
    filled = DAG.replace("{folder!r}", repr(str(folder))).replace("{project!r}", repr(str(root)))
    (folder / "dags/jobs.py").write_text(filled.replace("{snapshot!r}", repr(project.snapshot)))
    with Stack(folder / "stack", folder / "dags") as airflow:
        made = Site(folder, project, airflow)
        yield made
        for name in ("steady", "ended"):
            made.release(name)
    assert_nothing_runs(made)


def assert_nothing_runs(site: Site) -> None:
    """No script of ours outlives the tests."""
    deadline = time.monotonic() + 60
    while any(map(psutil.pid_exists, site.starts())) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [pid for pid in site.starts() if psutil.pid_exists(pid)]


def killed_worker(site: Site) -> bool:
    """Whether a task's process was caught while its `slipway submit` runs below it, and killed."""
    for process in psutil.Process(site.airflow.pid("scheduler")).children(recursive=True):
        try:
            worker = process.parent() if "submit" in process.cmdline() else None
        except psutil.Error:
            continue
        if worker is not None:
            os.kill(worker.pid, signal.SIGKILL)
            return True
    return False


def test_a_worker_a_triggerer_and_a_scheduler_are_killed_and_the_work_is_done_once(site: Site) -> None:
    airflow = site.airflow
    run = airflow.trigger("steady")
    site.waits(lambda: killed_worker(site), "a worker was killed while it submits")
    site.waits(lambda: airflow.state("steady", run, "work") == "deferred", "the task waits for its work")
    site.waits(lambda: len(site.starts()) == 1, "the script has begun")
    airflow.kill("triggerer")
    airflow.kill("scheduler")
    airflow.start("scheduler")
    airflow.start("triggerer")
    site.release("steady")
    site.waits(lambda: airflow.state("steady", run, "work") in {"success", "failed"}, "the task has ended")
    tried = int(airflow.task("steady", run, "work")["try_number"])
    log = "".join(airflow.task_log("steady", run, "work", one + 1) for one in range(tried))
    assert airflow.state("steady", run, "work") == "success", log
    assert tried > 1, log
    returned = airflow.returned("steady", run, "work")
    assert returned["metrics"] == {"score": 0.5}
    assert "working on steady" in log
    assert len(site.starts()) == 1
    outcomes = site.outcomes(returned["key"])
    assert [one.state for one in outcomes if one] == [State.DONE]
    again = airflow.trigger("steady")
    site.waits(lambda: airflow.state("steady", again, "work") == "success", "work that is done is returned")
    assert airflow.returned("steady", again, "work")["key"] == returned["key"]
    assert len(site.starts()) == 1


def test_a_person_who_ends_the_task_cancels_its_work(site: Site) -> None:
    airflow = site.airflow
    before = len(site.starts())
    run = airflow.trigger("ended")
    site.waits(lambda: airflow.state("ended", run, "work") == "deferred", "the task waits for its work")
    site.waits(lambda: len(site.starts()) == before + 1, "the script has begun")
    site.waits(lambda: "working on ended" in airflow.task_log("ended", run, "work"), "its trigger looks after the work")
    airflow.set_state("ended", run, "work", "failed")
    pid = site.starts()[-1]
    site.waits(lambda: not psutil.pid_exists(pid), "the script is stopped")
    record = next(
        name for name in site.project.store.list("names/")
        if json.loads(site.project.store.get(name))["key"] != key_of_steady(site)
    )  # fmt: skip
    key = json.loads(site.project.store.get(record))["key"]
    site.waits(lambda: all(site.outcomes(key)), "the attempt has an outcome")
    assert [one.state for one in site.outcomes(key) if one] == [State.CANCELLED]


def key_of_steady(site: Site) -> str:
    """The work that has a result."""
    found = [key.split("/")[1] for key in site.project.store.list("work/") if key.endswith("/result.json")]
    return found[0] if found else ""
