"""An attempt assigned to a launcher, and the program of its nodes started as a launcher would."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest

from fake_work.mlflow import fake_mlflow
from slipway.platform.jobs.spec import JobSpec, Limits
from slipway.platform.runs.attempts import Claimant, assign
from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.presence import Presence
from slipway.platform.runs.records import AttemptSpec, Place
from slipway.platform.runs.standing import Here, Standing, standing

Desk = Any
PROGRAM = (sys.executable, "-m", "slipway.platform.jobs.runner")


@dataclass
class Yard:
    """Where nodes of jobs are started, each in a process of its own."""

    desk: Desk
    mlflow: str
    job: JobSpec | None = None
    number: int = 0
    spec: AttemptSpec | None = None
    nodes: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def here(self) -> Here:
        """This machine."""
        return Here.at(self.desk.loaded.root)

    @property
    def keys(self) -> AttemptKeys:
        """Of the last attempt."""
        return WorkKeys(self.desk.key).attempt(self.number)

    def assign(self, *, nodes: int = 1, limits: Limits | None = None, **arguments: Any) -> AttemptSpec:
        """The next attempt of this work, for a launcher."""
        parts, job = self.desk.work(**arguments)
        changed = {"nodes": nodes, "limits": limits or Limits()}
        return self.give(parts, job.model_copy(update=changed))

    def give(self, parts: Any, job: JobSpec) -> AttemptSpec:
        """The next attempt of this job."""
        store = self.desk.store
        self.job = job
        self.desk.key = job.key
        claimant = Claimant(
            submitted_by="ada", name="first-try", place=Place(), created=datetime.now(UTC), job=job.keep(store)
        )
        found = assign(store, parts, claimant, self.here, again=job.fresh)
        assert found.spec is not None
        self.spec, self.number = found.spec, found.number
        return found.spec

    def start(self, node: int = 0, *, lock: bool = True, **variables: str) -> "subprocess.Popen[str]":
        """One node's runner, with its lock as the local launcher hands it over."""
        spec = self.spec
        assert spec is not None
        held = Presence(self.here.state, f"{spec.nonce}-{node}" if node else spec.nonce) if lock else None
        words = ["--lock", str(held.descriptor)] if held else []
        node_process = subprocess.Popen(
            [*PROGRAM, self.desk.key, "--attempt", str(self.number), "--node", str(node), *words],
            cwd=self.desk.loaded.root,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.desk.folder),
                "SLIPWAY_MLFLOW__TRACKING_URI": self.mlflow,
                **variables,
            },
            pass_fds=[held.descriptor] if held else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if held:
            os.close(held.descriptor)
            held.descriptor = -1
        self.nodes.append(node_process)
        return node_process

    def standing(self) -> Standing:
        """How the work stands."""
        return standing(self.desk.store, self.desk.key, self.here)

    def log(self, node: int = 0) -> str:
        """What a node's child printed."""
        keys = self.desk.store.list(self.keys.node(node).log)
        return "".join(self.desk.store.get(key).decode() for key in keys)

    def leftovers(self) -> list[psutil.Process]:
        """Processes that were started in this test's folder and live."""
        mark = str(self.desk.folder)
        return [one for one in psutil.process_iter() if _names(one, mark) and one.pid != os.getpid()]


def _names(process: psutil.Process, mark: str) -> bool:
    with suppress(psutil.Error):
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return any(mark in word for word in process.cmdline()) or process.environ().get("HOME") == mark
    return False


@pytest.fixture(scope="session")
def mlflow() -> Iterator[str]:
    """Where the runners' runs are told."""
    with fake_mlflow() as server:
        yield server.address


@pytest.fixture
def yard(desk: Desk, mlflow: str, eventually: Callable[[Callable[[], bool]], None]) -> Iterator[Yard]:
    """A yard of one's own; nothing that was started there lives on."""
    yard = Yard(desk, mlflow)
    yield yard
    for node in yard.nodes:
        node.kill()
        with suppress(ValueError):
            node.communicate()
    eventually(lambda: not yard.leftovers())
