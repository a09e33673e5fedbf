"""The doctor against real servers: an MLflow server, and an Airflow API server whose scheduler is missing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.timeout(240)]

BIN = Path(sys.executable).parent
START_SECONDS = 120


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """What the servers and the doctor see: a home of their own, and little parallelism."""
    return {
        "HOME": str(tmp_path),
        "PATH": f"{BIN}:/usr/bin:/bin",
        "OMP_NUM_THREADS": "1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin",
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-this-test-only",
        "AIRFLOW__API__SECRET_KEY": "for-this-test-only",
    }


def test_a_real_mlflow_server_is_found_well_and_then_missed(tmp_path: Path, environ: dict[str, str]) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        "mlflow", "server", "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db",
        "--artifacts-destination", f"{tmp_path}/artifacts", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1",
    ]  # fmt: skip
    with serving(command, f"{address}/health", tmp_path, environ):
        found = doctor(tmp_path, environ, SLIPWAY_MLFLOW__TRACKING_URI=address)
        assert found["mlflow"]["status"] == "ok", found["mlflow"]
    missed = doctor(tmp_path, environ, SLIPWAY_MLFLOW__TRACKING_URI=address)
    assert missed["mlflow"]["status"] == "failed"
    assert "mlflow server" in missed["mlflow"]["mend"]


def test_a_real_airflow_without_its_scheduler_is_told_so(tmp_path: Path, environ: dict[str, str]) -> None:
    subprocess.run(["airflow", "db", "migrate"], cwd=tmp_path, env=environ, check=True, capture_output=True)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = ["airflow", "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with serving(command, f"{address}/api/v2/monitor/health", tmp_path, environ):
        passwords = tmp_path / "airflow/simple_auth_manager_passwords.json.generated"
        password = json.loads(passwords.read_text())["ada"]
        login = {"SLIPWAY_AIRFLOW__URL": address, "SLIPWAY_AIRFLOW__USERNAME": "ada"}
        found = doctor(tmp_path, environ, **login, SLIPWAY_AIRFLOW__PASSWORD=password)
        assert found["airflow scheduler"]["status"] == "failed"
        assert found["airflow scheduler"]["mend"] == "airflow scheduler"
        assert "airflow metadatabase" not in found
        assert found["airflow login"]["status"] == "ok"
        refused = doctor(tmp_path, environ, **login, SLIPWAY_AIRFLOW__PASSWORD="wrong")
        assert refused["airflow login"]["status"] == "failed"


def doctor(folder: Path, environ: dict[str, str], **settings: str) -> dict[str, dict[str, str]]:
    """The doctor's findings by name, from the real command."""
    result = subprocess.run(
        [str(BIN / "slipway"), "doctor", "--json", "--timeout", "60"],
        cwd=folder, env={**environ, **settings}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {finding["name"]: finding for finding in json.loads(result.stdout)["findings"]}


@contextmanager
def serving(command: list[str], health: str, folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """A server in a process group of its own, from the moment it answers until the block ends."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            cwd=folder,
            env=environ,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until_healthy(process, health, log)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_healthy(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    """Ask until the server answers; a server that ends or never answers fails with its log."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(health, timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail(f"no answer from {health}\n{log.read_text()[-3000:]}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
