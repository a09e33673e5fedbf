"""Airflow's four processes in the local stack, over SQLite, with the project's DAG files.

Every process has the same configuration, in variables alone. Tasks act as the service `flows`; people log in with
passwords that were made for them. Nothing listens but the API server, on loopback.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.local.component import Check, Component, http
from slipway.pipelines.local.credentials import Credentials
from slipway.pipelines.local.parts import Founded
from slipway.pipelines.local.place import Place, write_private
from slipway.pipelines.local.ports import LOOPBACK, Ports

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

GROUP: Final = "airflow"
USUAL_PORT: Final = 8080
SERVICE: Final = "flows"
ASK_SECONDS: Final = 10.0
STOP_SECONDS: Final = 20.0
LINGERS_SECONDS: Final = 6.0
"""The API server says at once that it has shut down, and lingers."""
TUNING: Final = tuple(
    f"AIRFLOW__{section}__" for section in ("DAG_PROCESSOR", "DATABASE", "LOGGING", "SCHEDULER", "TRIGGERER", "WORKERS")
)
"""Sections of Airflow's configuration in which variables from outside count more than what is said here."""
DATABASE: Final = "airflow-database"
SERVER: Final = "airflow-api"
EXECUTOR: Final = "slipway.pipelines.airflow.executor.SlipwayLocalExecutor"
PARALLELISM: Final = 4


def components(
    place: Place, loaded: "Loaded", ports: Ports, founded: Founded, credentials: Credentials
) -> list[Component]:
    """The database's migration, and the four."""
    port = ports.take("airflow", USUAL_PORT)
    address = f"http://{LOOPBACK}:{port}"
    home = place.folder / "airflow"
    write_private(home / "passwords.json", json.dumps(dict(credentials.airflow_users)) + "\n")
    environ = place.environ(
        **configuration(place, loaded, founded, credentials, port), **founded.services.get(SERVICE, {})
    )

    def part(name: str, words: tuple[str, ...], ready: Check) -> Component:
        return Component(
            name=name,
            group=GROUP,
            command=[place.program("airflow"), *words],
            folder=home,
            environ=environ,
            ready=ready,
            after=(DATABASE,),
            stop_seconds=LINGERS_SECONDS if name == SERVER else STOP_SECONDS,
            address=address if name == SERVER else "",
            settings=login(founded.person, address, credentials) if name == SERVER else {},
        )

    health = f"{address}/api/v2/monitor/health"
    return [
        Component(
            name=DATABASE,
            group=GROUP,
            command=place.module("slipway.pipelines.local.airflow_database"),
            folder=home,
            environ=environ,
            once=True,
        ),
        part(SERVER, ("api-server", "--workers", "1"), http(health, seconds=ASK_SECONDS)),
        part("airflow-scheduler", ("scheduler", "--skip-serve-logs"), Beat(health, "scheduler")),
        part("airflow-dags", ("dag-processor",), Beat(health, "dag_processor")),
        part("airflow-triggerer", ("triggerer", "--skip-serve-logs"), Beat(health, "triggerer")),
    ]


def login(person: str, address: str, credentials: Credentials) -> Mapping[str, str]:
    """How commands reach the API."""
    return {
        "airflow.url": address,
        "airflow.username": person,
        "airflow.password": credentials.airflow_users[person],
    }


def configuration(
    place: Place, loaded: "Loaded", founded: Founded, credentials: Credentials, port: int
) -> dict[str, str]:
    """Of all its processes."""
    home, address = place.folder / "airflow", f"http://{LOOPBACK}:{port}"
    roles = [f"{founded.person}:admin", *(f"{name}:op" for name in founded.users if name != founded.person)]
    return {
        "SLIPWAY_PROJECT": str(loaded.root),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(loaded.root / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__EXECUTOR": EXECUTOR,
        "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": credentials.airflow_fernet,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(roles),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": credentials.airflow_secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": credentials.airflow_token_secret,
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",  # a file that changes is read at once
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",  # of a scheduler that was killed
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__TRIGGERER__CAPACITY": "100",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
        "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "12",  # until an API server that was killed is there again
        "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "5",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # trainings keep both cores busy
        **{name: value for name, value in place.outside.items() if name.startswith(TUNING)},
    }


class Beat:
    """Healthy while Airflow's health page knows of a heartbeat that this stack has made.

    When the page itself is silent, that is the API server's matter, unless nothing was heard before.
    """

    def __init__(self, page: str, part: str) -> None:
        self._page, self._part = page, part
        self._from = datetime.now(UTC)
        self._heard = False

    def __call__(self) -> str:
        import httpx

        try:
            told = httpx.get(self._page, timeout=ASK_SECONDS, trust_env=False).raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return "" if self._heard else "the API server does not say yet"
        missing = self.missing(told.get(self._part) or {})
        self._heard = self._heard or not missing
        return missing

    def missing(self, told: Mapping[str, Any]) -> str:
        """What the page says of it."""
        beat = told.get(f"latest_{self._part}_heartbeat")
        if told.get("status") == "healthy" and beat and datetime.fromisoformat(beat) >= self._from:
            return ""
        return "no heartbeat" if not beat else f"no heartbeat since {beat}"
