"""A project, `slipway` in it as several people use it, and its Airflow."""

import fnmatch
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from airflow_stack.stack import Stack
from slipway.platform.settings import load
from slipway.platform.store import open_store

BIN: Final = Path(sys.executable).parent
SERVICES: Final = {
    "flows": ("trainer", "gate-service", "releaser", "flow-service"),
    "guard": ("guard-service",),
    "rollouts": ("rollout-service",),
}
ROOTS: Final = ("ada-root", "ben-root", "cleo-root")
RECORDS: Final = ("work/*/attempts/*/spec.json", "bundles/*", "versions/*", "verdicts/*", "ledger/*")


@dataclass
class Company:
    """Where records lie is for `environ` to say."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    airflow: Stack | None = None

    @property
    def stack(self) -> Stack:
        assert self.airflow is not None
        return self.airflow

    def run(self, *arguments: str, by: str = "ada", **more: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [str(BIN / "slipway"), *arguments], cwd=self.root,
            env={**self.environ, "SLIPWAY_IDENTITY__PERSON": by, **more}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def ask(self, *arguments: str, by: str = "ada", **more: str) -> Any:
        """What it prints as JSON."""
        return json.loads(self.run(*arguments, "--json", by=by, **more))

    def trust(self, name: str, *roles: str, service: bool = False) -> None:
        """A new key of somebody with these roles."""
        key = self.root.parent / f"{name}.pub"
        key.write_text(self.run("identity", "init", name, by=name))
        words = [word for role in roles for word in ("--role", role)]
        self.run("identity", "trust", name, *words, *(["--service"] if service else []), "--key", str(key))

    def found(self) -> None:
        """Data, people and a channel."""
        self.run("world", "render", "tiny", str(self.root / "data"))
        self.run("data", "commit")
        self.run("identity", "init", "ada", "--role", "trainer")
        self.trust("ben", "approver")
        for name, roles in SERVICES.items():
            self.trust(name, *roles, service=True)
        for name in ROOTS:
            self.trust(name, "channel-root")
        self.run("channel", "init", by="flows")

    def records(self) -> list[str]:
        """Every record of work, versions, verdicts, decisions and releases."""
        settings = load(self.root, self.environ).settings
        keys = open_store(settings.store, settings.s3).list()
        return [key for key in keys if any(fnmatch.fnmatchcase(key, pattern) for pattern in RECORDS)]

    def decisions(self, *actions: str) -> list[dict[str, Any]]:
        """What the ledger tells of these kinds, the oldest first."""
        told = self.ask("ledger", "list", "--limit", "1000")[::-1]
        return [one for one in told if one["decision"]["action"] in actions]

    def told(self, run: str, task: str, dag: str) -> str:
        """A task's last log."""
        tries = int(self.stack.task(dag, run, task)["try_number"])
        return self.stack.task_log(dag, run, task, tries)
