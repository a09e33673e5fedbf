"""A project with a snapshot and a code archive whose training is a fake, for tests that run jobs in it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slipway.platform.data.project import Project
from slipway.platform.data.rows import Image
from slipway.platform.data.view import View
from slipway.platform.data.watching import SILENT
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.jobs.launchers.contract import Assignment
from slipway.platform.jobs.spec import JobSpec, Limits
from slipway.platform.jobs.submitting.snapshots import have_snapshot, name_snapshot, offer_snapshot
from slipway.platform.runs.attempts import Claimant, assign
from slipway.platform.runs.code.archive import store_code
from slipway.platform.runs.code.closure import Code
from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.runs.pieces import read_pieces
from slipway.platform.runs.records import Outcome, Place
from slipway.platform.runs.standing import Here
from slipway.platform.settings import Loaded, load
from slipway.platform.store import Store

TRAINING = Path(__file__).with_name("training.py")
MODULE = "slipway.fake.training"
NOW = datetime(2026, 11, 20, tzinfo=UTC)
LIMITS = Limits(silence_seconds=20, stall_seconds=60, grace_seconds=5)


@dataclass(frozen=True)
class FakeProject:
    """Where fake work is made, and looked at."""

    loaded: Loaded
    store: Store
    snapshot: str
    code: Code

    @property
    def here(self) -> Here:
        """This machine."""
        return Here.at(self.loaded.root)

    def work(
        self,
        salt: str,
        *,
        nodes: int = 1,
        processes: int = 1,
        target: str = "local",
        limits: Limits = LIMITS,
        secrets: tuple[str, ...] = (),
        **arguments: Any,
    ) -> "FakeWork":
        """Work that does what `arguments` say; work of another salt is other work."""
        config = {"trainer": {"threads": 1, "processes": processes}, "salt": salt}
        view: dict[str, Any] = json.loads(View.of({}).key)
        parts = Parts(
            model="fake", snapshot=self.snapshot, view=view, code=self.code.files, config=config, lock=("none==1",)
        )
        job = JobSpec(
            key=parts.key, module=MODULE, model="fake", package="slipway.fake", config=config, snapshot=self.snapshot,
            view=view, code=parts.code_digest, arguments=arguments, target=target, nodes=nodes, limits=limits,
            secrets=secrets,
        )  # fmt: skip
        return FakeWork(self, parts, job, salt)


@dataclass(frozen=True)
class FakeWork:
    """One piece of work."""

    project: FakeProject
    parts: Parts
    job: JobSpec
    name: str

    @property
    def key(self) -> str:
        """The run key."""
        return self.job.key

    def assign(self) -> Assignment:
        """The attempt that is under way, or the next one."""
        store = self.project.store
        digest = self.job.keep(store)
        place = Place(target=self.job.target)
        claimant = Claimant(submitted_by="ada", name=self.name, place=place, created=NOW, job=digest)
        now = assign(store, self.parts, claimant, self.project.here)
        assert now.spec is not None
        return Assignment(self.job, now.spec)

    def keys(self, attempt: int = 1) -> AttemptKeys:
        """Where an attempt's records are."""
        return WorkKeys(self.key).attempt(attempt)

    def outcome(self, attempt: int = 1) -> Outcome | None:
        """How an attempt ended."""
        return Outcome.load(self.project.store, self.keys(attempt).outcome)

    def log(self, attempt: int = 1, node: int = 0) -> str:
        """What is stored of what its training printed."""
        return read_pieces(self.project.store, self.keys(attempt).node(node).log).decode()

    def has_checkpoint(self, attempt: int = 1) -> bool:
        """Whether the store has a whole one of that attempt: its record comes behind its bytes."""
        return any(key.endswith(".json") for key in self.project.store.list(self.keys(attempt).checkpoints))


def make_project(root: Path, environ: Mapping[str, str], settings: str = "") -> FakeProject:
    """A project in that folder, with what `settings` says in its slipway.toml."""
    root.mkdir(parents=True)
    (root / "slipway.toml").write_text(settings)
    loaded = load(root, environ)
    project = Project(root, loaded.settings)
    snapshot = root.parent / f"{root.name}-snapshot"
    with SnapshotWriter(snapshot) as writer:
        writer.add(b"\xff\xd8\xff1", Image(width=1, height=1, split="train", source="1.jpg"), [])
        writer.finish([], "unknown")
    named = name_snapshot(str(snapshot), loaded)
    have_snapshot(named, loaded, View.of({}))
    offer_snapshot(named, loaded, SILENT)
    code = archive_of({"slipway/fake/training.py": TRAINING})
    store_code(code, project.store)
    return FakeProject(loaded, project.store, named.digest, code)


def archive_of(sources: Mapping[str, Path]) -> Code:
    """Code of exactly these files."""
    files = [
        CodeFile(path=path, sha256=hashlib.sha256(source.read_bytes()).hexdigest())
        for path, source in sorted(sources.items())
    ]
    return Code(tuple(files), sources)
