"""Four Airflow processes on loopback, with a SQLite file, and its REST API as a person uses it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

BIN = Path(sys.executable).parent
START_SECONDS = 120.0
RUN_SECONDS = 900.0
PASSWORDS = "airflow/simple_auth_manager_passwords.json.generated"
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server", "--host", "127.0.0.1", "--workers", "1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs", "--capacity", "20"),
}


class Stack:
    """Airflow with the DAG files of one folder. All processes end with the block."""

    def __init__(
        self,
        folder: Path,
        dags: Path,
        *,
        people: Sequence[str] = ("ada",),
        pools: Mapping[str, Any] | None = None,
        **variables: str,
    ) -> None:
        self._folder, self._pools = folder, pools
        self._port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.address = f"http://127.0.0.1:{self._port}"
        self._environ = {
            "HOME": str(folder),
            "PATH": f"{BIN}:/usr/bin:/bin",
            "OMP_NUM_THREADS": "1",
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:admin" for name in people),
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self._port),
            "AIRFLOW__API__SECRET_KEY": "for-these-tests-only",
            "AIRFLOW__API_AUTH__JWT_SECRET": "for-these-tests-only-and-long-enough-to-sign",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
            **variables,
        }
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        migrated = subprocess.run(
            [str(BIN / "airflow"), "db", "migrate"], env=self._environ, capture_output=True, text=True, check=False
        )
        assert migrated.returncode == 0, migrated.stderr[-3000:]
        if self._pools:
            self._make_pools(self._pools)
        try:
            for name in COMPONENTS:
                self.start(name)
            self.wait(self._is_healthy, "all of Airflow is healthy")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str) -> None:
        """Start one of its processes, in a group of its own."""
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [str(BIN / "airflow"), *COMPONENTS[name]],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL for it and what it started in its group."""
        process = self._processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all that runs."""
        for name in list(self._processes):
            self.kill(name)

    def pid(self, name: str) -> int:
        """Of one of its processes."""
        return self._processes[name].pid

    def trigger(self, dag: str, **params: Any) -> str:
        """Start a run of a DAG, as soon as it has been parsed; the run's id."""
        found: list[str] = []

        def begun() -> bool:
            answer = self._ask("POST", f"dags/{dag}/dagRuns", json={"logical_date": None, "conf": params})
            if answer.is_success:
                found.append(str(answer.json()["dag_run_id"]))
            return answer.is_success

        self.wait(begun, f"{dag} is known")
        return found[0]

    def known(self) -> set[str]:
        """The DAGs that were parsed."""
        return {one["dag_id"] for one in self._ask("GET", "dags").raise_for_status().json()["dags"]}

    def runs(self, dag: str) -> dict[str, str]:
        """All runs of a DAG with their states, in their order."""
        answer = self._ask("GET", f"dags/{dag}/dagRuns?order_by=run_after")
        return {run["dag_run_id"]: run["state"] for run in answer.raise_for_status().json()["dag_runs"]}

    def ended(self, dag: str, run: str) -> str:
        """Wait for the end of a run; its state."""
        over = {"success", "failed"}
        self.wait(lambda: self.runs(dag).get(run) in over, f"run {run} of {dag} has ended", RUN_SECONDS)
        return self.runs(dag)[run]

    def states(self, dag: str, run: str) -> dict[str, str]:
        """How all tasks of a run stand."""
        answer = self._ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances").raise_for_status()
        return {task["task_id"]: str(task["state"]) for task in answer.json()["task_instances"]}

    def page(self, dag: str, run: str, task: str) -> dict[str, Any] | None:
        """What a task asks people on the page of required actions, while nobody has answered."""
        if self.state(dag, run, task) != "awaiting_input":
            return None
        answer = self._ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/-1/hitlDetails")
        detail = dict(answer.json()) if answer.is_success else {}
        return detail if detail and not detail["response_received"] else None

    def asked(self, dag: str, run: str, task: str) -> dict[str, Any]:
        """Wait until a task asks people; what it asks."""
        self.wait(lambda: self.page(dag, run, task) is not None, f"{task} of {dag} asks people", RUN_SECONDS)
        return self.page(dag, run, task) or {}

    def answer(self, dag: str, run: str, task: str, button: str, *, by: str, reason: str = "") -> None:
        """As a person answers on the page."""
        response = {"chosen_options": [button], "params_input": {"reason": reason}}
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/-1/hitlDetails"
        answer = self._ask("PATCH", path, by=by, json=response)
        assert answer.is_success, answer.text

    def wake(self, asset: str) -> None:
        """Post an event of an asset, as another system does."""
        found = self._ask("GET", f"assets?name_pattern={asset}").raise_for_status().json()["assets"]
        (known,) = [one["id"] for one in found if one["name"] == asset]
        assert self._ask("POST", "assets/events", json={"asset_id": known}).is_success

    def settled(self, dag: str) -> dict[str, str]:
        """Wait until every event that wakes a DAG has become a run, and every run has ended; all runs."""

        def over() -> bool:
            queued = self._ask("GET", f"dags/{dag}/assets/queuedEvents")
            waits = queued.is_success and queued.json()["total_entries"]
            return not waits and set(self.runs(dag).values()) <= {"success", "failed"}

        self.wait(over, f"{dag} has nothing left to do", RUN_SECONDS)
        return self.runs(dag)

    def clear(self, dag: str, run: str, *tasks: str) -> None:
        """As a person clears tasks of a run."""
        body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "task_ids": list(tasks)}
        answer = self._ask("POST", f"dags/{dag}/clearTaskInstances", json=body)
        assert answer.is_success, answer.text

    def pause(self, dag: str, *, paused: bool = True) -> None:
        """As the switch beside a DAG's name."""
        assert self._ask("PATCH", f"dags/{dag}", json={"is_paused": paused}).is_success

    def import_errors(self) -> list[str]:
        """What is wrong with DAG files."""
        return [one["stack_trace"] for one in self._ask("GET", "importErrors").json()["import_errors"]]

    def password(self, person: str) -> str:
        """Of somebody who may log in."""
        return str(json.loads((self._folder / PASSWORDS).read_text())[person])

    def task(self, dag: str, run: str, task: str) -> dict[str, Any]:
        """How a task stands."""
        answer = self._ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}")
        return dict(answer.json()) if answer.is_success else {}

    def state(self, dag: str, run: str, task: str) -> str:
        """The same in a word."""
        return str(self.task(dag, run, task).get("state"))

    def set_state(self, dag: str, run: str, task: str, state: str) -> None:
        """As a person marks a task in the UI."""
        answer = self._ask("PATCH", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}", json={"new_state": state})
        assert answer.is_success, answer.text

    def returned(self, dag: str, run: str, task: str) -> Any:
        """What a task handed on."""
        answer = self._ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value")
        value = answer.json()["value"]
        return json.loads(value) if isinstance(value, str) else value

    def task_log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        """A task's log, as the UI shows it."""
        answer = self._ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}?full_content=true")
        return answer.text if answer.is_success else ""

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
        """Until it holds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if condition():
                    return
            time.sleep(0.2)
        raise AssertionError(f"waited in vain until {what}\n{self.told()}")

    def told(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"== {path.name}\n{path.read_text()[-1500:]}" for path in sorted(self._folder.glob("*.log")))

    def _is_healthy(self) -> bool:
        found = httpx.get(f"{self.address}/api/v2/monitor/health", timeout=5).json()
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all(found[part]["status"] == "healthy" for part in parts)

    def _ask(self, method: str, path: str, *, by: str = "ada", **more: Any) -> httpx.Response:
        if by not in self._tokens:
            login = {"username": by, "password": self.password(by)}
            answer = httpx.post(f"{self.address}/auth/token", json=login, timeout=20)
            self._tokens[by] = str(answer.json()["access_token"])
        headers = {"Authorization": f"Bearer {self._tokens[by]}", "Accept": "application/json"}
        return httpx.request(method, f"{self.address}/api/v2/{path}", headers=headers, timeout=20, **more)

    def _make_pools(self, pools: Mapping[str, Any]) -> None:
        file = self._folder / "pools.json"
        file.write_text(json.dumps(pools))
        command = [str(BIN / "airflow"), "pools", "import", str(file)]
        made = subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr[-3000:]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
