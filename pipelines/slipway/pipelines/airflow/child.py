"""A task's work as a child: `slipway …` in the project's folder, whose words go into the task's log.

The child composes configs, opens MLflow and reads snapshots; the task's own process stays small.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.pipelines.airflow.project import Project
from slipway.pipelines.steps.commands import ask_slipway
from slipway.pipelines.steps.step import Told

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One step, as `slipway flow step` takes it."""

    step: str
    model: str
    target: str = "local"
    snapshot: str = ""
    overrides: Sequence[str] = ()
    budget: str = ""
    cause: str = ""
    given: Mapping[str, str]
    answer: Mapping[str, str] | None = None
    """`responder`, `response`, `reason`, `request`, of a page that was answered."""
    via: Mapping[str, str] | None = None

    def arguments(self) -> list[str]:
        """As a person would write it."""
        words = ["flow", "step", "--json", "--yes", "--no-wait", "--on", self.target]
        words += ["--given", json.dumps(dict(self.given))]
        options = {"snapshot": self.snapshot, "budget": self.budget, "cause": self.cause, **(self.answer or {})}
        for name, value in options.items():
            words += [f"--{name}", value] if value else []
        words += ["--via", json.dumps(dict(self.via))] if self.via else []
        return [*words, "--", self.step, self.model, *self.overrides]


def ask_step(asked: Asked, project: Project, tell: Tell) -> Told:
    """Do one step, or find what it made; refused is an answer, too."""
    answer = ask_slipway(asked.arguments(), project.root, project.environ, tell)
    if not isinstance(answer.data, dict) or "how" not in answer.data:
        raise answer.failed()
    return Told.from_data(answer.data)


def run_command(arguments: Sequence[str], project: Project, tell: Tell) -> Any:  # noqa: ANN401 - what it printed
    """Any other command, with `--json`; one that ends badly is `CommandFailed`."""
    answer = ask_slipway([*arguments, "--json"], project.root, project.environ, tell)
    if answer.code:
        raise answer.failed()
    return answer.data
