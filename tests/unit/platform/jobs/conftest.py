"""A project with a snapshot and a code archive whose training is a fake, and runners for it, here or in a process."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from slipway.platform.data.project import Project
from slipway.platform.data.rows import Image
from slipway.platform.data.view import View
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.jobs.runner.attempt import Rhythm, Surroundings, run_attempt
from slipway.platform.jobs.runner.concluding import Ran
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.submitting.snapshots import have_snapshot, name_snapshot
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.runs.attempts import Attempt, Claimant, assign, begin, claim
from slipway.platform.runs.code.archive import store_code
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.runs.presence import Presence
from slipway.platform.runs.records import Cancellation, Heartbeat, Outcome, Place
from slipway.platform.runs.standing import Here
from slipway.platform.runs.tracking.tracker import open_tracker
from slipway.platform.settings import Loaded, load
from slipway.platform.settings.schema import MLflow
from slipway.platform.store import Store

HERE = Path(__file__).parent
MODULE = "slipway.fake.training"
PATIENCE = 100.0
QUICK = Rhythm(beat=0.2, look=0.1, log=0.2)
DATABASE = ".slipway/mlflow.db"


@dataclass
class Desk:
    """Where a test starts work and looks at what became of it."""

    folder: Path
    loaded: Loaded
    store: Store
    snapshot: str
    code: Code
    environ: Mapping[str, str] = field(default_factory=lambda: {"PATH": "/usr/bin:/bin"})
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)
    key: str = ""
    """Of the work that was asked for last."""

    def release(self) -> Path:
        """The file that lets a waiting child go on."""
        return self.folder / "release"

    def work(
        self,
        *,
        fresh: bool = False,
        processes: int = 1,
        references: Mapping[str, str] | None = None,
        job: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> tuple[Parts, JobSpec]:
        """Work that does what `arguments` say, in a job with these fields; neither changes its key."""
        config = {"trainer": {"threads": 1, "processes": processes}}
        view: dict[str, Any] = json.loads(View.of({}).key)
        parts = Parts(
            model="fake", snapshot=self.snapshot, view=view, code=self.code.files, config=config, lock=("torch==1",),
            references=references or {},
        )  # fmt: skip
        self.key = parts.key
        told = {"steps": 6, "every": 2, "release": str(self.release()), **arguments}
        spec = JobSpec(
            key=parts.key, module=MODULE, model="fake", package="slipway.fake", config=config, snapshot=self.snapshot,
            view=view, code=parts.code_digest, arguments=told, fresh=fresh,
            references=parts.references,
        )  # fmt: skip
        return parts, spec.model_copy(update=dict(job or {}))

    def claim(self, parts: Parts, *, again: bool = False) -> Attempt:
        """Own the next attempt."""
        here = Here.at(self.loaded.root)
        place = Place(host=here.host, boot=here.boot, pid=os.getpid(), workplace=str(self.folder / "work"))
        claimant = Claimant(submitted_by="ada", name="first-try", place=place, created=datetime.now(UTC))
        attempt = claim(self.store, parts, claimant, here, again=again)
        assert isinstance(attempt, Attempt), attempt.told()
        return attempt

    def assigned(self, parts: Parts, job: JobSpec) -> Attempt:
        """Own the next attempt as a launcher's process does."""
        here = Here.at(self.loaded.root)
        place = Place(host=here.host, boot=here.boot, pid=os.getpid(), workplace=str(self.folder / "work"))
        claimant = Claimant(
            submitted_by="ada", name="first-try", place=Place(), created=datetime.now(UTC), job=job.keep(self.store)
        )
        spec = assign(self.store, parts, claimant, here).spec
        assert spec is not None
        return begin(self.store, parts.key, spec.number, place, Presence(here.state, spec.nonce))

    def run(
        self,
        *,
        store: Store | None = None,
        watcher: Watcher = SILENT,
        fresh: bool = False,
        submitted: bool = False,
        **arguments: Any,
    ) -> Ran:
        """Run an attempt in this process."""
        parts, job = self.work(fresh=fresh, **arguments)
        attempt = self.assigned(parts, job) if submitted else self.claim(parts, again=fresh)
        around = Surroundings(
            store or self.store, self.loaded.settings, environ=self.environ, patience=PATIENCE, rhythm=QUICK
        )
        return run_attempt(job, attempt, around, watcher)

    def begin(self, *, mlflow: bool = False, options: Sequence[str] = (), **arguments: Any) -> "subprocess.Popen[str]":
        """Run an attempt in a process of its own."""
        self.write(**arguments)
        return self.start("runner_process.py", *(["--mlflow"] if mlflow else []), *options)

    def write(self, **arguments: Any) -> None:
        """Leave the work where processes find it."""
        parts, job = self.work(**arguments)
        (self.folder / "parts.json").write_bytes(parts.to_bytes())
        (self.folder / "job.json").write_text(job.model_dump_json())

    def start(self, script: str, *more: str) -> "subprocess.Popen[str]":
        """A script beside this file, in a process of its own."""
        process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(self.folder), *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def wait_until_it_stands_still(self, process: "subprocess.Popen[str]") -> psutil.Process:
        """The child, when it waits for its release."""
        mark = Path(f"{self.release()}.waiting")
        eventually(lambda: mark.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        mark.unlink()
        return psutil.Process(process.pid).children()[0]

    def outcome(self, attempt: int = 1) -> Outcome:
        """What is recorded of an attempt."""
        return Outcome.read(self.store.get(f"work/{self.key}/attempts/{attempt}/outcome.json"))

    def cancel(self, by: str = "ada", why: str = "") -> None:
        """Want the attempt to end, as `slipway cancel` does."""
        keys = WorkKeys(self.key).attempt(1)
        Cancellation(by=by, why=why, asked=datetime.now(UTC)).bind(self.store, keys.cancellation)

    def heartbeat(self, attempt: int = 1) -> Heartbeat | None:
        """Its last sign of life."""
        return Heartbeat.load(self.store, WorkKeys(self.key).attempt(attempt).heartbeat)

    def log(self, attempt: int = 1) -> str:
        """What its child printed."""
        keys = self.store.list(f"work/{self.key}/attempts/{attempt}/log/")
        return "".join(self.store.get(key).decode() for key in keys)


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for a condition, and fail when it never holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[[Callable[[], bool]], None]:
    return eventually


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk of one's own; what was started there is ended."""
    root = tmp_path / "project"
    root.mkdir()
    loaded = load(root, {"HOME": str(tmp_path)})
    project = Project(root, loaded.settings)
    with SnapshotWriter(tmp_path / "snapshot") as writer:
        writer.add(b"\xff\xd8\xff1", Image(width=1, height=1, split="train", source="1.jpg"), [])
        writer.finish([], "unknown")
    named = name_snapshot(str(tmp_path / "snapshot"), loaded)
    have_snapshot(named, loaded, View.of({}))
    code = archive_of({"slipway/fake/training.py": HERE / "fake_training.py"})
    store_code(code, project.store)
    desk = Desk(tmp_path, loaded, project.store, named.digest, code)
    yield desk
    for process in desk.processes:
        process.kill()
        with suppress(ValueError):
            process.communicate()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, which take seconds to make."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    tracker = open_tracker(MLflow(tracking_uri=f"sqlite:///{path}"), path.parent)
    tracker.experiment("other")
    tracker.close()
    return path


@pytest.fixture
def database(desk: Desk, empty_database: Path) -> Path:
    """The file that the desk's runners tell."""
    path = desk.loaded.root / DATABASE
    path.parent.mkdir(exist_ok=True)
    shutil.copyfile(empty_database, path)
    return path


def archive_of(sources: Mapping[str, Path]) -> Code:
    """Code of exactly these files."""
    files = [
        CodeFile(path=path, sha256=hashlib.sha256(source.read_bytes()).hexdigest())
        for path, source in sorted(sources.items())
    ]
    return Code(tuple(files), sources)
