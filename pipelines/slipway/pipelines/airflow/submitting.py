"""Submitting from a task: `slipway submit` in a process of its own, because composing a config imports the training.

The command is create-or-adopt: a task that is killed and tried again, or two schedulers that run the same task, come to
the same work and attach to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.pipelines.airflow.project import Project
from slipway.pipelines.steps.commands import ask_slipway


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a task wants done."""

    model: str = ""
    overrides: Sequence[str] = ()
    script: str = ""
    """A script instead of a model; below the project's folder unless it is absolute."""
    script_arguments: Sequence[str] = ()
    target: str = "local"
    nodes: int = 1
    budget: str = ""
    snapshot: str = ""
    name: str = ""
    note: str = ""
    secrets: Sequence[str] = ()

    def arguments(self) -> list[str]:
        """As a person would write it."""
        words = ["submit", "--on", self.target, "--nodes", str(self.nodes), "--json", "--yes"]
        given = {"--budget": self.budget, "--snapshot": self.snapshot, "--name": self.name, "--note": self.note}
        for option, value in given.items():
            words += [option, value] if value else []
        for secret in self.secrets:
            words += ["--secret", secret]
        if self.script:
            return [*words, "--script", self.script, "--", *self.script_arguments]
        return [*words, "--", self.model, *self.overrides]


def submit(work: Work, project: Project, tell: Callable[[str], None]) -> dict[str, Any]:
    """Submit it; what the command says of it as data. `tell` hears what it says to people."""
    answer = ask_slipway(work.arguments(), project.root, project.environ, tell)
    if answer.code:
        raise answer.failed()
    told: dict[str, Any] = answer.data
    return told
