"""Checks of the services a context names: MLflow and Airflow, hop by hop."""

import sqlite3
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx

from slipway.platform.doctor.check import Finding, failed, ok, skipped, warning
from slipway.platform.settings.listing import masked_address
from slipway.platform.settings.schema import SQLITE, Airflow, MLflow

HTTP_TIMEOUT_SECONDS = 5.0
AIRFLOW_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def mlflow(settings: MLflow) -> Iterator[Finding]:
    """A tracking server, or a database file that will do without one."""
    if settings.tracking_uri.startswith(SQLITE):
        yield _mlflow_file(Path(settings.tracking_uri.removeprefix(SQLITE)))
    elif settings.tracking_uri.startswith(("http://", "https://")):
        yield from _mlflow_server(settings)
    else:
        yield failed(
            "mlflow",
            f"{masked_address(settings.tracking_uri)} is neither a server (http, https) nor a file (sqlite:///)",
            "export SLIPWAY_MLFLOW__TRACKING_URI=http://127.0.0.1:5000",
        )


def _mlflow_file(path: Path) -> Finding:
    if not path.exists():
        return ok("mlflow", f"{path} will be made by the first run")
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=HTTP_TIMEOUT_SECONDS) as database:
            database.execute("select version_num from alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        return failed("mlflow", f"{path} is no MLflow database: {error}", f"mv {path} {path}.broken")
    return ok("mlflow", f"database {path}")


def _mlflow_server(settings: MLflow) -> Iterator[Finding]:
    address = settings.tracking_uri.rstrip("/")
    password = settings.password.get_secret_value() if settings.password else ""
    auth = httpx.BasicAuth(settings.username, password) if settings.username else None
    try:
        with httpx.Client(base_url=address, auth=auth, timeout=HTTP_TIMEOUT_SECONDS) as client:
            client.get("/health").raise_for_status()
            served = client.get("/version").text.strip()
            answer = client.post("/api/2.0/mlflow/experiments/search", json={"max_results": 1})
    except httpx.HTTPError as error:
        yield _unreachable("mlflow", address, error, "mlflow server --host 127.0.0.1 --port 5000")
        return
    if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        yield failed(
            "mlflow",
            f"{masked_address(address)} refuses user `{settings.username or '(none)'}` ({answer.status_code})",
            "export SLIPWAY_MLFLOW__USERNAME=... SLIPWAY_MLFLOW__PASSWORD=...",
        )
    elif answer.is_error:
        yield failed(
            "mlflow",
            f"{masked_address(address)} answers its API with {answer.status_code}",
            "Is that address an MLflow server? `slipway config show mlflow` says where it is set.",
        )
    elif served.split(".")[:2] != version("mlflow").split(".")[:2]:
        yield warning(
            "mlflow",
            f"server {served}, client {version('mlflow')} at {masked_address(address)}",
            f"pip install mlflow=={version('mlflow')} where the server runs",
        )
    else:
        yield ok("mlflow", f"server {served} at {masked_address(address)}")


def airflow(settings: Airflow) -> Iterator[Finding]:
    """The API server, its four parts, and whether our user may log in."""
    if settings.url is None:
        yield skipped("airflow", "this context has none (airflow.url)")
        return
    address = settings.url.rstrip("/")
    try:
        with httpx.Client(base_url=address, timeout=HTTP_TIMEOUT_SECONDS) as client:
            health = client.get("/api/v2/monitor/health").raise_for_status().json()
            login = _airflow_login(client, settings)
    except (httpx.HTTPError, ValueError) as error:
        yield _unreachable("airflow", address, error, "airflow api-server --host 127.0.0.1")
        return
    unwell = [part for part in AIRFLOW_PARTS if (health.get(part) or {}).get("status") != "healthy"]
    for part in unwell:
        process = part.replace("_", "-")
        yield failed(f"airflow {process}", f"not healthy, says {masked_address(address)}", f"airflow {process}")
    if not unwell:
        yield ok("airflow", f"all parts healthy at {masked_address(address)}")
    if login is not None:
        yield login


def _airflow_login(client: httpx.Client, settings: Airflow) -> Finding | None:
    if not settings.username:
        return None
    password = settings.password.get_secret_value() if settings.password else ""
    answer = client.post("/auth/token", json={"username": settings.username, "password": password})
    if answer.is_success:
        return ok("airflow login", f"user `{settings.username}`")
    return failed(
        "airflow login",
        f"user `{settings.username}` is refused ({answer.status_code})",
        "export SLIPWAY_AIRFLOW__USERNAME=... SLIPWAY_AIRFLOW__PASSWORD=...",
    )


def _unreachable(name: str, address: str, error: Exception, start: str) -> Finding:
    reason = str(error) or type(error).__name__
    return failed(
        name,
        f"{masked_address(address)}: {reason}",
        f"Start it (`{start}`), or correct the address: `slipway config show {name}` says where it is set.",
    )
