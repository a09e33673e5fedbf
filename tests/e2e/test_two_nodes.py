"""A real model trained by two nodes that share nothing but the store, interrupted, and gone on with by two nodes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from slipway.platform.data.project import Project
from slipway.platform.jobs.submitting.planning import Planned, plan
from slipway.platform.jobs.submitting.providing import provide
from slipway.platform.runs.attempts import Claimant, assign
from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.records import Cause, Meeting, Outcome, Place, State
from slipway.platform.runs.standing import Here, Standing, standing
from slipway.platform.settings import Loaded, load
from slipway.platform.store import Store
from slipway.training.config.compose import compose

if TYPE_CHECKING:
    from slipway.platform.jobs.spec import JobSpec

pytestmark = [pytest.mark.xdist_group("two-nodes"), pytest.mark.timeout(400)]

BIN = Path(sys.executable).parent
PATIENCE = 200.0
WORK = ("batch=8", "trainer.max_epochs=16", "trainer.processes=2", "runtime.checkpoint_steps=1")


@dataclass
class Machines:
    """Two folders that stand for machines: the first holds the store, the second reaches it by address alone."""

    folder: Path
    loaded: Loaded
    store: Store
    planned: Planned
    number: int = 0
    runners: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def keys(self) -> AttemptKeys:
        """Of the last attempt."""
        return WorkKeys(self.planned.key).attempt(self.number)

    def start(self, *, nodes: int, fresh: bool = False) -> None:
        """The next attempt, on so many machines."""
        job: JobSpec = self.planned.job(fresh=fresh).model_copy(update={"nodes": nodes})
        claimant = Claimant(
            submitted_by="ada", name="try", place=Place(), created=datetime.now(UTC), job=job.keep(self.store)
        )
        here = Here.at(self.loaded.root)
        self.number = assign(self.store, self.planned.parts, claimant, here, again=fresh).number
        self.runners = [self._runner(node) for node in range(nodes)]

    def _runner(self, node: int) -> "subprocess.Popen[str]":
        settings, place = self.loaded.settings, self.folder / f"machine-{node}"
        place.mkdir(exist_ok=True)
        variables = {
            "SLIPWAY_STORE__URL": settings.store.url,
            "SLIPWAY_DATA__REMOTE": settings.data.remote,
            "SLIPWAY_MLFLOW__TRACKING_URI": settings.mlflow.tracking_uri,
            "SLIPWAY_HOST": f"machine-{node}",
        }
        command = [sys.executable, "-m", "slipway.platform.jobs.runner", self.planned.key]
        return subprocess.Popen(
            [*command, "--attempt", str(self.number), "--node", str(node)],
            cwd=self.loaded.root if node == 0 else place,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"], **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ended(self) -> list[int]:
        """How the runners of the last attempt ended."""
        self.printed = [runner.communicate()[0] for runner in self.runners]
        return [runner.returncode for runner in self.runners]

    def outcome(self, node: int = 0) -> Outcome:
        """What is recorded of a node's part."""
        found = Outcome.load(self.store, self.keys.node(node).outcome)
        assert found is not None
        return found

    def standing(self) -> Standing:
        """How the work stands."""
        return standing(self.store, self.planned.key, Here.at(self.loaded.root))

    def train_until_a_checkpoint(self) -> None:
        """Wait until the store has one of the last attempt."""
        eventually(lambda: list(self.store.list(self.keys.checkpoints)) or self._over())
        assert not self._over(), self.ended() and self.printed

    def _over(self) -> bool:
        return any(runner.poll() is not None for runner in self.runners)

    def trainers(self) -> list[psutil.Process]:
        """Processes below the runners that train."""
        found = []
        for runner in self.runners:
            with suppress(psutil.Error):
                below = psutil.Process(runner.pid).children(recursive=True)
                found += [one for one in below if "RANK" in one.environ()]
        return found


def eventually(condition: Callable[[], object]) -> None:
    """Wait for a condition, and fail when it never holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """Two machines, and small work that wants two processes."""
    root = tmp_path / "project"
    root.mkdir()
    snapshot = tmp_path / "tiny"
    subprocess.run([str(BIN / "slipway"), "world", "render", "tiny", str(snapshot)], check=True, capture_output=True)
    loaded = load(root, {"HOME": str(tmp_path)})
    store = Project(root, loaded.settings).store
    composed = compose("bay-occupancy", WORK)
    planned = plan(composed.model, composed.config, loaded, snapshot=str(snapshot))
    provide(planned, loaded, store, lambda _: None, elsewhere=True)
    machines = Machines(tmp_path, loaded, store, planned)
    yield machines
    for runner in machines.runners:
        runner.kill()
        with suppress(ValueError):
            runner.communicate()
    eventually(lambda: not any(str(tmp_path) in " ".join(_words(one)) for one in psutil.process_iter()))


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def test_two_machines_train_what_one_does_however_often_they_are_interrupted(machines: Machines) -> None:
    machines.start(nodes=2)
    machines.train_until_a_checkpoint()
    machines.runners[1].send_signal(signal.SIGTERM)
    assert machines.ended() == [75, 75], machines.printed
    assert machines.outcome().cause is Cause.EVICTED
    assert machines.outcome().step

    machines.start(nodes=2)
    machines.train_until_a_checkpoint()
    machines.trainers()[-1].kill()
    assert machines.ended() == [1, 1], machines.printed
    assert "SIGKILL" in machines.outcome().reason

    machines.start(nodes=2)
    assert machines.ended() == [0, 0], machines.printed
    meeting = Meeting.load(machines.store, machines.keys.meeting)
    assert meeting is not None
    assert meeting.resume is not None
    assert machines.standing().state is State.DONE

    machines.start(nodes=1, fresh=True)
    assert machines.ended() == [0], machines.printed
    assert "weights are the same" in machines.printed[0]
