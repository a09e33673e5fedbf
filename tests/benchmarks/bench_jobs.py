"""What a local job costs before its own work begins, beside a bare process.

Ours is the whole way: the attempt is recorded and given to the launcher, its runner begins it, fetches data and code,
and starts the training, a fake that imports nothing, up to the first thing that it says. The goal is one second beyond
a bare process; the pair states it as a ratio to one of 10 ms.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fake_work.mlflow import fake_mlflow
from fake_work.project import FakeProject, FakeWork, make_project
from harness import Figures, Pair
from slipway.platform.jobs.launchers.contract import Assignment, Phase
from slipway.platform.jobs.launchers.local import LocalLauncher
from slipway.platform.runs.records import Begun
from slipway.platform.runs.results import load_result

LONGEST_SECONDS = 60.0
LOOK_SECONDS = 0.002


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """One pair; how the time is spent is told beside it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mlflow = stack.enter_context(fake_mlflow())
        settings = f'[contexts.local.mlflow]\ntracking_uri = "{mlflow.address}"\n'
        submitting = Submitting(make_project(folder / "project", {"HOME": str(folder)}, settings))
        stack.callback(submitting.finish)
        yield [
            Pair(
                name="a local job, from submit to the start of its work, against a bare process",
                ours=submitting.job,
                reference=bare,
                unit="ms",
                goal=100.0,
                figures=submitting.figures,
            )
        ]


def bare() -> None:
    """An interpreter that starts and says so."""
    subprocess.run([sys.executable, "-P", "-c", "import time; print(time.time())"], capture_output=True, check=True)


class Submitting:
    """Submits work that is new each time."""

    def __init__(self, project: FakeProject) -> None:
        self._project, self._launcher = project, LocalLauncher(project.loaded, project.store)
        self._count = 0
        self._submits: list[float] = []
        self._begins: list[float] = []
        self._last: tuple[FakeWork, Assignment] | None = None

    def job(self) -> None:
        """From asking until its process works; the rest of the job is waited for before the next one."""
        self.finish()
        self._count += 1
        work = self._project.work(f"number-{self._count}", steps=1, every=1)
        began = time.perf_counter()
        assignment = work.assign()
        self._launcher.submit(assignment)
        self._submits.append(time.perf_counter() - began)
        self._last = work, assignment
        keys = work.keys()
        self._wait(lambda: Begun.load(self._project.store, keys.begun) is not None)
        self._begins.append(time.perf_counter() - began)
        journal = self._project.loaded.root / ".slipway" / "work" / work.key[:15] / "1" / "journal.jsonl"
        self._wait(lambda: journal.exists() or load_result(self._project.store, work.key) is not None)

    def finish(self) -> None:
        """Let the last one end."""
        if self._last is not None:
            _, assignment = self._last
            self._wait(lambda: self._launcher.status(assignment).phase is Phase.ENDED)

    def figures(self) -> Figures:
        """Where the time goes."""
        middle = len(self._submits) // 2
        return {
            "submit returns, ms": round(1000 * sorted(self._submits)[middle], 1),
            "runner has begun, ms": round(1000 * sorted(self._begins)[middle], 1),
        }

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.perf_counter() + LONGEST_SECONDS
        while not condition():
            if time.perf_counter() > deadline:
                raise TimeoutError("the job did not come so far")
            time.sleep(LOOK_SECONDS)
