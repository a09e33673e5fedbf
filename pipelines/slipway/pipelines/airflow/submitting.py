"""Submitting from a task: `slipway submit` in a process of its own, because composing a config imports the training.

The command is create-or-adopt: a task that is killed and tried again, or two schedulers that run the same task, come to
the same work and attach to it.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from slipway.pipelines.airflow.project import Project
from slipway.platform.errors import SlipwayError

SLIPWAY: Final = ("-P", "-c", "from slipway.platform.cli.main import run; run()")


class SubmitFailed(SlipwayError):
    """`slipway submit` said no; its words have been passed on."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


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
    command = [sys.executable, *SLIPWAY, *work.arguments()]
    with subprocess.Popen(
        command,
        cwd=project.root,
        env=dict(project.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        remarks: list[str] = []
        listening = threading.Thread(target=_pass_on, args=(process.stderr, tell, remarks), daemon=True)
        listening.start()
        answer = process.stdout.read() if process.stdout else ""
        listening.join()
    if process.returncode:
        raise SubmitFailed(remarks[-1] if remarks else f"It ended with code {process.returncode}.", process.returncode)
    told: dict[str, Any] = json.loads(answer)
    return told


def _pass_on(stream: IO[str] | None, tell: Callable[[str], None], heard: list[str]) -> None:
    for line in stream or ():
        if text := line.rstrip():
            heard.append(text)
            tell(text)
