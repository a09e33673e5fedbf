"""An office that submits fake work to this machine, oversees it, and looks at what became of it and what was left."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil

from fake_work.mlflow import FakeMlflow, fake_mlflow
from fake_work.project import TRAINING, FakeProject, FakeWork, archive_of, make_project
from slipway.platform.jobs.launchers.contract import Launcher
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.jobs.overseeing.reconciling import Reconciled, reconcile
from slipway.platform.jobs.submitting.planning import Planned, Subject
from slipway.platform.jobs.submitting.snapshots import Named
from slipway.platform.jobs.submitting.starting import Request
from slipway.platform.jobs.submitting.submission import Submitted, submit
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.standing import Standing, standing
from slipway.platform.runs.tracking.tracker import open_tracker
from slipway.platform.settings import load
from slipway.platform.settings.schema import MLflow
from slipway.platform.store import Store, open_store

DATABASE: Final = ".slipway/mlflow.db"
PATIENCE: Final = 90.0
SETTINGS: Final = """
[contexts.local.jobs]
grace_seconds = 2.0
leftovers_hours = 0.0
{jobs}
"""


@dataclass
class Heard:
    """A watcher that remembers."""

    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, told: object, remark: str) -> None:  # noqa: ARG002 - what a watcher is told
        if remark:
            self.remarks.append(remark)


@dataclass(frozen=True)
class Office:
    """One project folder."""

    project: FakeProject
    mlflow: FakeMlflow | None = None
    """What is told of the runs; None where that is MLflow itself, in a file."""

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.loaded.root

    @property
    def launcher(self) -> Launcher:
        """Of this machine."""
        return open_launcher("local", self.project.loaded, self.project.store)

    def planned(self, work: FakeWork) -> Planned:
        """Work as the planning gives it."""
        subject = Subject("fake", "slipway.fake")
        job, project = work.job, self.project
        return Planned(
            subject, work.parts, project.code, job.config, Named(project.snapshot), arguments=job.arguments,
            module=job.module,
        )  # fmt: skip

    def submit(self, work: FakeWork, person: str = "ada", **more: Any) -> Submitted:
        """Ask for work."""
        again = more.pop("again", False)
        request = Request(person, again=again)
        given = {"target": "local", "store": self.project.store, **more}
        return submit(self.planned(work), request, self.project.loaded, **given)

    def overseer(self, heard: Heard | None = None, **more: Any) -> Overseer:
        """Somebody who owns the work."""
        project = self.project
        usual = partial(open_launcher, loaded=project.loaded, store=project.store)
        opened = more.pop("open_launcher", usual)
        given = {"pause_seconds": 0.05, **more}
        return Overseer(project.loaded, project.store, project.here, opened, heard or Heard(), **given)

    def see_through(self, work: FakeWork, heard: Heard | None = None) -> Standing:
        """Until it has ended."""
        return self.overseer(heard).see_through(work.key)

    def reconcile(self, **more: Any) -> Reconciled:
        """As the command does."""
        return reconcile(self.project.loaded, store=self.project.store, **more)

    def standing(self, work: FakeWork) -> Standing:
        """How it stands now."""
        return standing(self.project.store, work.key, self.project.here)

    def attempts(self, work: FakeWork) -> int:
        """How many were made."""
        listed = self.project.store.list(WorkKeys(work.key).attempts)
        return len([key for key in listed if key.endswith("/spec.json")])

    def runs(self) -> list[tuple[str, str]]:
        """Name and status of every MLflow run that nobody deleted."""
        if self.mlflow is not None:
            return self.mlflow.listed()
        asked = "select name, status from runs where lifecycle_stage = 'active' order by name"
        with sqlite3.connect(self.root / DATABASE, timeout=60) as opened:
            return list(opened.execute(asked))

    def processes(self) -> list[psutil.Process]:
        """All that run in this project's folder, or for a workplace in it."""
        return [one for one in psutil.process_iter() if self._is_ours(one)]

    def runner(self, work: FakeWork) -> psutil.Process:
        """The process of the last attempt's first node, when it has begun."""
        eventually(lambda: self.standing(work).begun is not None)
        begun = self.standing(work).begun
        assert begun is not None
        return psutil.Process(begun.place.pid)

    def locks(self) -> list[Path]:
        """What lies in the folder of the locks."""
        return sorted(self.root.glob(".slipway/alive/*"))

    def jobs(self) -> list[Path]:
        """What the launcher keeps."""
        return sorted(self.root.glob(".slipway/jobs/*"))

    def workplaces(self) -> list[Path]:
        """What attempts left."""
        return sorted(self.root.glob(".slipway/work/*/*"))

    def end_all(self) -> None:
        """Kill what is left."""
        for one in self.processes():
            with suppress(psutil.NoSuchProcess):
                one.kill()

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return process.cwd() == str(self.root) or any(str(self.root) in word for word in process.cmdline())
        except psutil.Error:
            return False


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for a condition, and fail when it never holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def empty_database(folder: Path) -> Path:
    """MLflow's tables, which take seconds to make."""
    path = folder / "mlflow.db"
    tracker = open_tracker(MLflow(tracking_uri=f"sqlite:///{path}"), folder)
    tracker.experiment("other")
    tracker.close()
    return path


def join_office(root: Path, snapshot: str, wrapped: Callable[[Store], Store] = lambda store: store) -> Office:
    """The same office, in another process; `wrapped` is what it has of the store."""
    loaded = load(root, {"HOME": str(root.parent)})
    store = wrapped(open_store(loaded.settings.store, loaded.settings.s3))
    return Office(FakeProject(loaded, store, snapshot, archive_of({"slipway/fake/training.py": TRAINING})))


@contextmanager
def opened_office(folder: Path, database: Path | None, jobs: str = "", more: str = "") -> Iterator[Office]:
    """An office of one's own; what runs there at the end is killed. Without a database MLflow is a fake."""
    settings = SETTINGS.format(jobs=jobs) + more
    with ExitStack() as open_now:
        mlflow = open_now.enter_context(fake_mlflow()) if database is None else None
        if mlflow is not None:
            settings += f'[contexts.local.mlflow]\ntracking_uri = "{mlflow.address}"\n'
        office = Office(make_project(folder / "project", {"HOME": str(folder)}, settings), mlflow)
        if database is not None:
            shutil.copyfile(database, office.root / DATABASE)
        open_now.callback(office.end_all)
        yield office
