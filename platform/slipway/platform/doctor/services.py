"""Checks of the services a context names: MLflow and Airflow, hop by hop."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import httpx

from slipway.platform.doctor.check import Finding, failed, ok, skipped, warning
from slipway.platform.doctor.place import can_be_made
from slipway.platform.settings.schema import SQLITE, Airflow, MLflow

HTTP_TIMEOUT_SECONDS = 5.0
BUSY_SECONDS = 1.0
SQLITE_HEADER = b"SQLite format 3\0"
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
            f"{settings.tracking_uri} is neither a server (http, https) nor a file (sqlite:///)",
            "export SLIPWAY_MLFLOW__TRACKING_URI=http://127.0.0.1:5000",
        )


def _mlflow_file(path: Path) -> Finding:
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        if can_be_made(path):
            return ok("mlflow", f"{path} will be made by the first run")
        return failed("mlflow", f"{path} cannot be made: its folder is not writable", f"chown -R $USER {path.parent}")
    try:
        readable = path.is_file() and os.access(path, os.R_OK | os.W_OK)
        header = path.read_bytes()[: len(SQLITE_HEADER)] if readable else b""
    except OSError as error:
        return failed("mlflow", f"{path}: {error.strerror}", f"ls -l {path}")
    if not readable:
        return failed("mlflow", f"{path} is not a file that this account can read and write", f"ls -ld {path}")
    if header != SQLITE_HEADER:
        return failed("mlflow", f"{path} is no database", f"mv {path} {path}.broken")
    return _mlflow_database(path)


def _mlflow_database(path: Path) -> Finding:
    """Look for MLflow's own mark; a database that somebody is writing to is not a broken one."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
    except sqlite3.OperationalError as error:
        return warning("mlflow", f"{path}: {error}", "Somebody is writing to it; ask again in a moment.")
    except sqlite3.DatabaseError as error:
        return failed("mlflow", f"{path} is damaged: {error}", f"mv {path} {path}.broken, and restore a backup")
    if tables and "alembic_version" not in tables:
        return failed("mlflow", f"{path} is a database, and not MLflow's", "Correct SLIPWAY_MLFLOW__TRACKING_URI")
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
            f"{address} refuses user `{settings.username or '(none)'}` ({answer.status_code})",
            "export SLIPWAY_MLFLOW__USERNAME=... SLIPWAY_MLFLOW__PASSWORD=...",
        )
    elif answer.is_error:
        yield failed(
            "mlflow",
            f"{address} answers its API with {answer.status_code}",
            "Is that address an MLflow server? `slipway config show mlflow` says where it is set.",
        )
    elif served.split(".")[:2] != version("mlflow").split(".")[:2]:
        yield warning(
            "mlflow",
            f"server {served}, client {version('mlflow')} at {address}",
            f"pip install mlflow=={version('mlflow')} where the server runs",
        )
    else:
        yield ok("mlflow", f"server {served} at {address}")


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
        yield failed(f"airflow {process}", f"not healthy, says {address}", f"airflow {process}")
    if not unwell:
        yield ok("airflow", f"all parts healthy at {address}")
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
    reason = (str(error) or type(error).__name__).partition("\n")[0]
    return failed(
        name,
        f"{address}: {reason}",
        f"Start it (`{start}`), or correct the address: `slipway config show {name}` says where it is set.",
    )
