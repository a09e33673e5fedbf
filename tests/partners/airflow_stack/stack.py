"""Airflow's four processes on loopback, with a SQLite file unless a test names another database."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from airflow_stack.api import Api
from slipway.pipelines.local.airflow import EXECUTOR

BIN = Path(sys.executable).parent
PASSWORDS = "airflow/simple_auth_manager_passwords.json.generated"
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server", "--host", "127.0.0.1", "--workers", "1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs", "--capacity", "20"),
}


class Stack(Api):
    """Airflow with the DAG files of one folder, all of it ended with the block; of what `twice` names there are two."""

    def __init__(
        self,
        folder: Path,
        dags: Path,
        *,
        people: Sequence[str] = ("ada",),
        pools: Mapping[str, Any] | None = None,
        twice: Sequence[str] = (),
        **variables: str,
    ) -> None:
        self._folder, self._pools = folder, pools
        self._names = [*COMPONENTS, *(f"{name} 2" for name in twice)]
        self._port = free_port()
        super().__init__(f"http://127.0.0.1:{self._port}")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environ = {
            "HOME": str(folder),
            "PATH": f"{BIN}:/usr/bin:/bin",
            "OMP_NUM_THREADS": "1",
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__EXECUTOR": EXECUTOR,
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

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        migrated = subprocess.run(
            [str(BIN / "airflow"), "db", "migrate"], env=self._environ, capture_output=True, text=True, check=False
        )
        assert migrated.returncode == 0, migrated.stderr[-3000:]
        if self._pools:
            self._make_pools(self._pools)
        try:
            for name in self._names:
                self.start(name)
            self.wait(self._is_healthy, "all of Airflow is healthy")
            wanted = sum(name.startswith("scheduler") for name in self._names)
            self.wait(lambda: self.schedulers() == wanted, "all schedulers are at work")
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
                [str(BIN / "airflow"), *COMPONENTS[name.partition(" ")[0]]],
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

    def kill_task(self, dag: str, run: str, task: str) -> None:
        """SIGKILL for the process that works on a task, as soon as there is one that has not just parked it."""

        def killed() -> bool:
            now = self.task(dag, run, task)
            if now.get("state") != "running":
                return False
            for one in psutil.Process(self.pid("scheduler")).children(recursive=True):
                with suppress(psutil.Error):
                    if " ".join(one.cmdline()).startswith(f"airflow worker -- {now['id']}"):
                        one.kill()
                        return True
            return False

        self.wait(killed, f"{task} of {dag} is worked on")

    def stop(self) -> None:
        """End all that runs."""
        for name in list(self._processes):
            self.kill(name)

    def pid(self, name: str) -> int:
        """Of one of its processes."""
        return self._processes[name].pid

    def password(self, person: str) -> str:
        """Of somebody who may log in."""
        return str(json.loads((self._folder / PASSWORDS).read_text())[person])

    def told(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"== {path.name}\n{path.read_text()[-1500:]}" for path in sorted(self._folder.glob("*.log")))

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
