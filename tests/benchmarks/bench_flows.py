"""What a flow with nothing to do adds to the start of a command: eight steps that look, and find what is there.

A small model goes the whole way to champion first, by the command that is measured then. The reference is a command
that reads the settings and prints a table. Counted is the processor time of both processes, which other work on the
machine disturbs less than the clock on the wall.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import Pair
from own_model import MODEL, make_project

PROGRAM = Path(sys.executable).parent / "slipway"
SHORT = ("batch=8", "trainer.max_epochs=1")
STARTED = ("context", "list")
ADDED = 0.3
"""Seconds that are wanted at most on top of the reference's."""
START = 0.3
"""Seconds that the reference takes, about: the goal is a ratio."""


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """The one pair."""
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench.prepared(Path(scratch))
        yield [
            Pair(
                name="flow run retrain with nothing to do, against context list",
                ours=bench.find,
                reference=lambda: bench.run(*STARTED),
                unit="ms",
                goal=(START + ADDED) / START,
                clock=spent,
            )
        ]


@dataclass(frozen=True)
class Bench:
    """A project in which all is done."""

    root: Path
    environ: Mapping[str, str]
    snapshot: Path

    @classmethod
    def prepared(cls, scratch: Path) -> "Bench":
        """A model that is champion, and nothing left to do."""
        root = make_project(scratch / "project")
        environ = {**os.environ, "HOME": str(scratch), "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        bench = cls(root, environ, scratch / "tiny")
        bench.run("world", "render", "tiny", str(bench.snapshot))
        roles = ("--role", "trainer", "--role", "gate-service", "--role", "releaser")
        bench.run("identity", "init", "cleo", "--role", "approver", by="cleo")
        key = scratch / "flows.pub"
        key.write_text(bench.run("identity", "init", "flows"))
        bench.run("identity", "trust", "flows", "--service", *roles, "--key", str(key), by="cleo")
        bench.run(*bench.flow)
        bench.run("model", "approve", f"{MODEL}/1", by="cleo")
        bench.run(*bench.flow)
        return bench

    @property
    def flow(self) -> tuple[str, ...]:
        """The command that is measured."""
        return ("flow", "run", "retrain", MODEL, *SHORT, "--snapshot", str(self.snapshot))

    def run(self, *arguments: str, by: str = "flows") -> str:
        """What a command prints."""
        environ = {**self.environ, "SLIPWAY_IDENTITY__PERSON": by}
        command = [str(PROGRAM), *arguments]
        return subprocess.run(command, cwd=self.root, env=environ, capture_output=True, text=True, check=True).stdout

    def find(self) -> None:
        """Run the flow; that nothing was done is part of what is measured."""
        said = self.run(*self.flow)
        if "Nothing was to be done" not in said:
            raise RuntimeError(said)


def spent() -> float:
    """Processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
