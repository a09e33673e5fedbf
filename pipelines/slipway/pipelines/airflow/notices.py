"""Telling people that a retraining failed, and that it is over: `slipway notices`, from a task's callbacks.

A notice is one more thing that can fail, so what goes wrong here is only written into the log.
"""

import logging
from dataclasses import dataclass
from typing import Any, Final

from airflow.sdk.definitions.context import Context

from slipway.pipelines.airflow.child import run_command
from slipway.pipelines.airflow.project import Project
from slipway.platform.errors import SlipwayError

log = logging.getLogger(__name__)

CAUSE: Final = "retraining-failed"
LONGEST: Final = 600


@dataclass(frozen=True)
class Failed:
    """Called with the context of a task that failed for good."""

    model: str
    project: Project

    def __call__(self, context: Context) -> None:
        """Raise the notice."""
        then = f"slipway flow run retrain {self.model}"
        told("raise", f"{CAUSE}/{self.model}", "--text", words(context), "--next", then, project=self.project)


@dataclass(frozen=True)
class WentWell:
    """Called with the context of the last task, once it has succeeded."""

    model: str
    project: Project

    def __call__(self, context: Context) -> None:
        """End the notice, if there is one."""
        del context
        told("end", f"{CAUSE}/{self.model}", project=self.project)


def words(context: Context) -> str:
    """What happened, and where its log is."""
    instance = context["ti"]
    why = " ".join(str(context.get("exception") or "it ended without a word").split())
    place = getattr(instance, "log_url", "") or f"run {instance.run_id} of {instance.dag_id}"
    return f"{instance.task_id} failed: {why[:LONGEST]} Its log: {place}"


def told(*arguments: str, project: Project) -> Any:  # noqa: ANN401 - what it printed
    """Run `slipway notices …`, whatever comes of it."""
    try:
        return run_command(["notices", *arguments, "--yes"], project, log.info)
    except SlipwayError as error:
        log.warning("Nobody was told by `slipway notices %s`: %s", arguments[0], error)
        return None
