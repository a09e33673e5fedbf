"""Airflow's open pages for approval, seen from outside: whoever approved or rejected by command has answered them.

Asked through Airflow's own API. The answer given there is `Ask the ledger`, which says nothing for anybody: the task
behind the page looks at the ledger, and goes on or ends by that.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from slipway.pipelines.steps.step import APPROVE, Ask, How
from slipway.platform.errors import SlipwayError, WrongUse

if TYPE_CHECKING:
    import httpx

    from slipway.pipelines.steps.site import Site
    from slipway.platform.settings.schema import Airflow

LOOK: Final = "Ask the ledger"
"""The button that says nothing for anybody."""
PREFIX: Final = "retrain__"
"""Begins the names of the DAGs that ask for approval."""
REGISTER: Final = "register"
"""The task that told which version a page is about."""
TIMEOUT: Final = 30.0
MOST: Final = 100
CONFLICT: Final = 409


class AirflowUnreachable(SlipwayError):
    """Airflow's API did not answer, or said no."""


@dataclass(frozen=True)
class OpenPage:
    """A page that waits for an answer."""

    model: str
    dag: str
    run: str
    task: str
    index: int
    version: str

    @property
    def place(self) -> str:
        """In the API."""
        return f"dags/{self.dag}/dagRuns/{self.run}/taskInstances/{self.task}/{self.index}/hitlDetails"


@dataclass(frozen=True)
class Api:
    """Airflow's API, as one user."""

    client: "httpx.Client"

    @classmethod
    def open(cls, settings: "Airflow") -> Self:
        """Log in."""
        import httpx

        if not settings.url or not settings.username or settings.password is None:
            raise WrongUse(
                "This context does not say how Airflow's API is reached.",
                mend="Set airflow.url, airflow.username and SLIPWAY_AIRFLOW__PASSWORD.",
            )
        client = httpx.Client(base_url=settings.url.rstrip("/") + "/", timeout=TIMEOUT, trust_env=False)
        login = {"username": settings.username, "password": settings.password.get_secret_value()}
        token = _answer(client, "POST", "auth/token", json=login)["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        return cls(client)

    def open_pages(self) -> Iterator[OpenPage]:
        """All pages of our flows that nobody has answered."""
        query = {"response_received": "false", "state": "awaiting_input", "limit": MOST}
        found = _answer(self.client, "GET", "api/v2/dags/~/dagRuns/~/hitlDetails", params=query)
        for detail in found["hitl_details"]:
            task = detail["task_instance"]
            if not task["dag_id"].startswith(PREFIX) or LOOK not in detail["options"]:
                continue
            dag, run = task["dag_id"], task["dag_run_id"]
            version = self._version(dag, run)
            yield OpenPage(dag.removeprefix(PREFIX), dag, run, task["task_id"], task["map_index"], version)

    def _version(self, dag: str, run: str) -> str:
        """The number that the run's registration told."""
        place = f"api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{REGISTER}/xcomEntries/return_value"
        told = _answer(self.client, "GET", place)["value"]
        return str((json.loads(told) if isinstance(told, str) else told)["values"]["version"])

    def answer(self, page: OpenPage) -> bool:
        """Have its task ask the ledger; False where somebody answered meanwhile."""
        reply = self.client.patch(f"api/v2/{page.place}", json={"chosen_options": [LOOK], "params_input": {}})
        if reply.status_code == CONFLICT:
            return False
        return bool(_checked(reply))


def answered_by_command(site: "Site", page: OpenPage) -> str:
    """How the ledger has answered it, in a sentence; empty while it has not."""
    from slipway.pipelines.steps.table import step_named

    told = step_named(APPROVE).look(site, Ask(model=page.model), {"version": page.version})
    return "" if told.how is How.WAITING else told.line


def _answer(client: "httpx.Client", method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
    import httpx

    try:
        return _checked(client.request(method, path, **more))
    except httpx.HTTPError as error:
        raise AirflowUnreachable(f"{client.base_url} does not answer: {error}") from None


def _checked(reply: "httpx.Response") -> Any:  # noqa: ANN401 - JSON
    if reply.is_error:
        raise AirflowUnreachable(f"{reply.url} says {reply.status_code}: {reply.text[:300]}")
    return reply.json()
