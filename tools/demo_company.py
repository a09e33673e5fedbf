"""The company of the demo: its project, `slipway` in it as its people and services use it, its Airflow, its devices."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import httpx

BIN: Final = Path(sys.executable).parent
MODEL: Final = "bay-occupancy"
RETRAIN, WATCH = (f"{flow}__{MODEL}" for flow in ("retrain", "watch"))
PATIENCE: Final = 1800.0
"""Seconds that anything may take before the demo says that it waited in vain."""
LINES: Final = 25
"""Of a failed task's log."""
LOOK_EVERY: Final = 1.0
SAY_EVERY: Final = 20.0


class ActFailed(Exception):
    """An act did not end as it must."""


@dataclass
class Company:
    """A project with a stack that runs."""

    root: Path
    say: Callable[[str], None]
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def run(self, *arguments: str, by: str = "", code: int = 0) -> str:
        """What a command prints, acting as somebody; it must end with this code."""
        who = {"SLIPWAY_IDENTITY__PERSON": by} if by else {}
        done = subprocess.run(
            [str(BIN / "slipway"), *arguments],
            cwd=self.root, env={**self.environ, **who}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != code:
            told = f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
            raise ActFailed(f"`slipway {' '.join(arguments)}` ended with {done.returncode}, expected {code}:\n{told}")
        return done.stdout

    def ask(self, *arguments: str, by: str = "", code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """What it prints as JSON."""
        return json.loads(self.run(*arguments, "--json", by=by, code=code))

    def until(self, found: Callable[[], Any], what: str) -> Any:  # noqa: ANN401 - what is waited for
        """Look until something is found; a long wait says what for."""
        begun = told = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            with suppress(httpx.HTTPError):
                if there := found():
                    return there
            if time.monotonic() - told >= SAY_EVERY:
                told = time.monotonic()
                self.say(f"  … waiting until {what}, {told - begun:.0f} s so far")
            time.sleep(LOOK_EVERY)
        raise ActFailed(f"waited in vain until {what}")

    @cached_property
    def users(self) -> Mapping[str, str]:
        """Who may use Airflow, with their passwords."""
        users: dict[str, str] = json.loads(self.local("credentials.json"))["airflow_users"]
        return users

    @property
    def reviewer(self) -> str:
        """Who answers for the company: the one person that it has."""
        return next(iter(self.users))

    def local(self, name: str) -> str:
        """What a file of the stack holds."""
        return (self.root / ".slipway/local" / name).read_text()

    @cached_property
    def airflow(self) -> "Airflow":
        """Its scheduler, as the reviewer uses it."""
        return Airflow(self)

    def releases(self) -> dict[str, tuple[int | None, str]]:
        """What each device runs of the model: release and phase."""
        found = self._standing()
        return {name: (one["release"], one["phase"]) if one else (None, "idle") for name, one in found.items()}

    def shadows(self) -> list[str]:
        """The devices that run a release of the model beside what answers, or are about to."""
        return [name for name, one in self._standing().items() if one and (one["shadow"] or one["coming"])]

    def _standing(self) -> dict[str, dict[str, Any] | None]:
        devices = self.ask("fleet", "list")["devices"]
        return {
            device["id"]: next((one for one in device["running"] if one["model"] == MODEL), None) for device in devices
        }

    def decisions(self, *actions: str) -> list[dict[str, Any]]:
        """What the ledger tells of these kinds about the model, the oldest first."""
        told = self.ask("ledger", "list", "--limit", "1000")[::-1]
        decisions = [{**one["decision"], **{key: one[key] for key in ("number", "at", "signer")}} for one in told]
        return [one for one in decisions if one["action"] in actions and one["model"] == MODEL]


class Airflow:
    """Its API, as a person uses it."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self.address = f"http://127.0.0.1:{json.loads(company.local('ports.json'))['airflow']}"
        login = {"username": company.reviewer, "password": company.users[company.reviewer]}
        token = httpx.post(f"{self.address}/auth/token", json=login, timeout=30).raise_for_status().json()
        self._client = httpx.Client(
            base_url=f"{self.address}/api/v2/",
            headers={"Authorization": f"Bearer {token['access_token']}"},
            timeout=30,
        )

    def ask(self, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
        """What it says."""
        return self._client.request(method, path, **more).raise_for_status().json()

    def trigger(self, dag: str, **params: object) -> str:
        """Begin a run, as soon as the scheduler knows the DAG; the run's id."""
        wish = {"logical_date": None, "conf": params}

        def begun() -> str:
            reply = self._client.post(f"dags/{dag}/dagRuns", json=wish)
            return str(reply.json()["dag_run_id"]) if reply.is_success else ""

        return str(self._company.until(begun, f"Airflow knows {dag}"))

    def approve(self, dag: str, run: str, reason: str) -> None:
        """Answer the page that the run comes to; a run that ends before tells why."""
        place = f"dags/{dag}/dagRuns/{run}/taskInstances/approval/-1/hitlDetails"

        def asked() -> bool:
            self._check_lives(dag, run)
            return self._client.get(place).is_success

        self._company.until(asked, f"{dag} asks for approval")
        self.ask("PATCH", place, json={"chosen_options": ["Approve"], "params_input": {"reason": reason}})

    def succeed(self, dag: str, run: str) -> None:
        """Wait until the run has ended well."""
        self._company.until(lambda: self._check_lives(dag, run) == "success", f"{dag} ends")

    def told(self, dag: str, run: str, task: str) -> dict[str, Any]:
        """What a task handed on."""
        place = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value"
        value = self.ask("GET", place)["value"]
        told: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
        return told

    def _check_lives(self, dag: str, run: str) -> str:
        state = str(self.ask("GET", f"dags/{dag}/dagRuns/{run}")["state"])
        if state != "failed":
            return state
        tasks = self.ask("GET", f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        failed = next((one["task_id"] for one in tasks if one["state"] == "failed"), "")
        tries = next((one["try_number"] for one in tasks if one["task_id"] == failed), 1)
        place = f"dags/{dag}/dagRuns/{run}/taskInstances/{failed}/logs/{tries}?full_content=true"
        said = [str(one.get("event")) for one in self.ask("GET", place)["content"] if isinstance(one, dict)]
        raise ActFailed(f"{dag} failed at `{failed}`:\n" + "\n".join(said[-LINES:]))
