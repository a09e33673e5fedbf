"""Two finished runs and one under way, in a project of their own."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.manifest import FileEntry, Manifest
from slipway.platform.data.record import Record, save_record
from slipway.platform.runs.journal import Journal
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.runs.records import AttemptSpec, Outcome, Place, Result, State
from slipway.platform.runs.results import bind_result, store_files
from slipway.platform.settings import schema
from slipway.platform.store import Store, open_store

CREATED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Project:
    """A folder with a store."""

    root: Path
    store: Store

    def snapshot(self, *shards: str) -> str:
        """A snapshot's record, with these shards."""
        files = {f"shards/{digest_of(shard)}.tar": FileEntry(sha256=digest_of(shard), size=1000) for shard in shards}
        files["index.parquet"] = FileEntry(sha256=digest_of("".join(shards)), size=50)
        manifest = Manifest(counts={"images": len(shards)}, files=files)
        md5 = {name: hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in files}
        save_record(self.store, Record(manifest=manifest, md5={**md5, "manifest.json": "0" * 32}))
        return manifest.digest

    def run(
        self,
        name: str,
        *,
        snapshot: str,
        lr: float = 0.001,
        code: str = "a",
        torch: str = "2.13.0",
        evaluation: Mapping[str, Any] | None = None,
        losses: int = 0,
    ) -> str:
        """A run; without an evaluation it is under way."""
        config = {"model": "bays", "optimizer": {"lr": lr, "name": "adamw"}}
        files = (CodeFile(path="slipway/training/task.py", sha256=digest_of(code)),)
        parts = Parts(
            model="bays", snapshot=snapshot, view={}, code=files, config=config, lock=(f"torch=={torch}", "numpy==2.4")
        )
        keys = WorkKeys(parts.key)
        self.store.put_if_absent(keys.parts, parts.to_bytes())
        bind_name(self.store, parts.key, model="bays", now=CREATED, wanted=name)
        place = Place(host="nest", boot="b", pid=1, workplace="w")
        spec = AttemptSpec(
            nonce=name, number=1, submitted_by="ada", created=CREATED, place=place, why="first", name=name,
            note="<b>tries</b> a rate", revision="0123456789abcdef+dirty",
        )  # fmt: skip
        self.store.put_if_absent(keys.attempt(1).spec, spec.to_bytes())
        journal = self.root / f"{name}.jsonl"
        writer = Journal(journal)
        for step in range(losses):
            writer.metrics(step, {"train/loss": 2.0 / (step + 1) + lr})
        writer.close()
        if losses:
            self.store.put(f"{keys.attempt(1).journal}{0:012d}", journal.read_bytes())
        if evaluation is not None:
            self._finish(parts.key, keys, evaluation)
        return parts.key

    def _finish(self, key: str, keys: WorkKeys, evaluation: Mapping[str, Any]) -> None:
        folder = self.root / key
        folder.mkdir()
        (folder / "evaluation.json").write_text(json.dumps({"split": "test", "evaluation": evaluation}))
        ended = CREATED + timedelta(minutes=3)
        result = Result(
            key=key,
            attempt=1,
            finished=ended,
            files=store_files(self.store, folder),
            metrics={},
            steps=300,
            seconds=180,
        )
        bind_result(self.store, result)
        outcome = Outcome(state=State.DONE, reason="Done.", ended=ended, seconds=180.0)
        self.store.put_if_absent(keys.attempt(1).outcome, outcome.to_bytes())

    def slipway(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [str(Path(sys.executable).parent / "slipway"), *arguments]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def judged(accuracy: float, night: float, error: float) -> dict[str, Any]:
    def measure(value: float, units: int, around: float = 0.01) -> dict[str, Any]:
        return {"value": value, "low": value - around, "high": value + around, "units": units}

    return {
        "headline": "accuracy",
        "overall": {"accuracy": measure(accuracy, 900), "calibration error": measure(error, 900)},
        "slices": [
            {"column": "slice_light", "name": "day", "measures": {"accuracy": measure(accuracy + 0.01, 500)}},
            {"column": "slice_light", "name": "night", "measures": {"accuracy": measure(night, 400)}},
            {"column": "slice_light", "name": "fog", "measures": {"accuracy": {"value": 0.5, "units": 3}}},
        ],
        "falling": ["calibration error"],
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "slipway.toml").write_text("")
    return Project(tmp_path, open_store(schema.Store(url=str(tmp_path / ".slipway/store")), schema.S3()))


@pytest.fixture
def judgement() -> Callable[[float, float, float], dict[str, Any]]:
    return judged


@pytest.fixture
def three(project: Project) -> Project:
    """`calm-heron`, `brisk-otter` on other data, code and rate, and `keen-lynx` under way."""
    one, two = project.snapshot("a", "b"), project.snapshot("a", "c")
    project.run("calm-heron", snapshot=one, evaluation=judged(0.90, 0.80, 0.05), losses=300)
    project.run(
        "brisk-otter", snapshot=two, lr=0.01, code="b", torch="2.14.0", evaluation=judged(0.91, 0.86, 0.02), losses=200
    )
    project.run("keen-lynx", snapshot=one, lr=0.1, losses=40)
    return project
