"""Airflow's REST API as people use it: they trigger, look, answer, clear and pause."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

START_SECONDS = 120.0
RUN_SECONDS = 900.0


class Api(ABC):
    """Of an Airflow that runs somewhere on this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._tokens: dict[str, str] = {}

    @abstractmethod
    def password(self, person: str) -> str:
        """Of somebody who may log in."""

    @abstractmethod
    def told(self) -> str:
        """The ends of all logs, for a failure's message."""

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

    def schedulers(self) -> int:
        """How many are at work."""
        answer = self._ask("GET", "jobs?job_type=SchedulerJob&job_state=running&is_alive=true")
        return len(answer.raise_for_status().json()["jobs"])

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
        """Wait until a task asks people; what it asks. A run that has failed before never will."""

        def asks() -> bool:
            assert self.runs(dag).get(run) != "failed", self.states(dag, run)
            return self.page(dag, run, task) is not None

        self.wait(asks, f"{task} of {dag} asks people", RUN_SECONDS)
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
        self.wait(  # a database in a file says no while a scheduler writes
            lambda: self._ask("POST", "assets/events", json={"asset_id": known}).is_success, f"{asset} has an event"
        )

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

    def _is_healthy(self) -> bool:
        found = httpx.get(f"{self.address}/api/v2/monitor/health", timeout=5).json()
        parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        return all(found[part]["status"] == "healthy" for part in parts)

    def _ask(self, method: str, path: str, *, by: str = "ada", **more: Any) -> httpx.Response:
        if by not in self._tokens:
            login = {"username": by, "password": self.password(by)}
            answer = httpx.post(f"{self.address}/auth/token", json=login, timeout=20).raise_for_status()
            self._tokens[by] = str(answer.json()["access_token"])
        headers = {"Authorization": f"Bearer {self._tokens[by]}", "Accept": "application/json"}
        return httpx.request(method, f"{self.address}/api/v2/{path}", headers=headers, timeout=20, **more)
