"""Two snapshots, runs on them, and a bundle that became a version, all written by the functions that real ones use."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from registered import Project, make_project
from slipway.platform.data.manifest import NAME, Provenance
from slipway.platform.data.objects import Cache, hashes
from slipway.platform.data.record import make_record, save_record
from slipway.platform.data.rows import Box, Identity, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.validation.verdict import Verdict as DataVerdict
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.registry.bundles import keep_bundle
from slipway.platform.registry.exports import Exported, export_key
from slipway.platform.registry.mlflow import open_registry
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.names import bind_name
from slipway.platform.runs.parts import CodeFile, Parts
from slipway.platform.runs.records import AttemptSpec, Outcome, Place, Result, State, StoredFile
from slipway.platform.runs.references import WEIGHTS
from slipway.platform.runs.results import bind_result
from slipway.platform.settings import schema

MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COMMIT = "c0ffee" + "0" * 34


@dataclass
class Site:
    """The project, and what was made in it."""

    project: Project
    snapshots: dict[str, Snapshot]

    @property
    def store(self) -> Any:
        return self.project.desk.store

    def run(
        self,
        name: str,
        snapshot: str,
        *,
        view: Mapping[str, Any] | None = None,
        references: Mapping[str, str] | None = None,
        revision: str = "",
    ) -> str:
        """A training that is done; its key."""
        code = tuple(CodeFile(path=f"slipway/training/part_{number}.py", sha256="c" * 64) for number in range(9))
        parts = Parts(
            model=self.project.model, snapshot=self.snapshots[snapshot].digest, view=view or {}, code=code,
            config={"seed": 7, "name": name}, lock=("torch==2.13.0",), references=references or {},
        )  # fmt: skip
        keys = WorkKeys(parts.key)
        self.store.put_if_absent(keys.parts, parts.to_bytes())
        bind_name(self.store, parts.key, model=parts.model, now=MOMENT, wanted=name)
        self.attempt(parts.key, name, revision)
        return parts.key

    def attempt(self, key: str, name: str, revision: str = "") -> None:
        place = Place(host="nest", boot="b", pid=1)
        spec = AttemptSpec(
            nonce="n", number=1, submitted_by="ada", created=MOMENT, place=place, why="first", name=name,
            revision=revision,
        )  # fmt: skip
        spec.bind(self.store, WorkKeys(key).attempt(1).spec)
        outcome = Outcome(state=State.DONE, reason="Done.", ended=MOMENT, seconds=60.0, cost=Decimal(0))
        outcome.bind(self.store, WorkKeys(key).attempt(1).outcome)

    def learned(self, key: str, weights: str) -> None:
        """The result of a run."""
        files = {WEIGHTS: StoredFile(sha256=weights, size=1)}
        bind_result(
            self.store, Result(key=key, attempt=1, finished=MOMENT, files=files, metrics={}, steps=1, seconds=1.0)
        )

    def export(self, letter: str, run: str, snapshot: str, weights: str = "e" * 64) -> str:
        """The bundle of a run, exported by work of its own; its digest."""
        folder = self.project.folder / f"bundle-{letter}"
        folder.mkdir()
        (folder / "model.fp32.onnx").write_bytes(letter.encode())
        digest, size = _sha256(folder / "model.fp32.onnx")
        told = {
            "model": self.project.model,
            "lineage": {
                "origin": "slipway", "run_key": run, "snapshot": self.snapshots[snapshot].digest, "weights": weights
            },
            "files": {"model.fp32.onnx": StoredFile(sha256=digest, size=size).model_dump()},
        }  # fmt: skip
        (folder / NAME).write_text(json.dumps(told, sort_keys=True))
        kept = keep_bundle(self.store, folder)
        work = f"r1-{letter * 64}"
        self.store.put(export_key(run), Exported(bundle=kept.digest, work=work).to_bytes())
        self.attempt(work, f"export-{letter}")
        self.project.bundles[letter] = kept.digest
        return kept.digest


def _sha256(path: Path) -> tuple[str, int]:
    data = path.read_bytes()
    return hashlib.sha256(data).hexdigest(), len(data)


def write_snapshot(folder: Path, day: str, identities: Mapping[str, str]) -> Snapshot:
    """Two images of each individual, one of them of another view."""
    with patch("os.fsync"), SnapshotWriter(folder, shard_limit=3000) as writer:
        for number, (name, split) in enumerate(sorted(identities.items())):
            for view in ("crop", "scene"):
                image = Image(
                    width=8, height=8, split=split, source=f"gate/{day}-{name}-{view}.jpg", site="yard", camera=view,
                    day=day,
                )  # fmt: skip
                box = Box(category="car", x=0, y=0, w=8, h=8, identity=name)
                writer.add(b"\xff\xd8\xff" + f"{name} {view}".encode() * 100, image, [box])
            writer.add_identity(Identity(identity=name, category=("car", "van")[number % 2], split=split))
        writer.finish([Provenance(kind="import", source=f"camera-{day}")], "CC0-1.0")
    return Snapshot(folder)


@pytest.fixture(scope="session")
def mlflow_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, made once."""
    folder = tmp_path_factory.mktemp("tables")
    open_registry(schema.MLflow(tracking_uri="sqlite:///mlflow.db"), folder).ensure_model(
        "none", description="", tags={}
    )
    return folder / "mlflow.db"


@pytest.fixture
def site(tmp_path: Path, mlflow_tables: Path) -> Site:
    project = make_project(tmp_path, "sqlite:///.slipway/mlflow.db")
    shutil.copyfile(mlflow_tables, project.folder / ".slipway" / "mlflow.db")
    first = write_snapshot(project.folder / "data", "2026-03-01", {"v1": "train", "v2": "test"})
    cache = project.loaded.settings.data.cache
    second = write_snapshot(tmp_path / "second", "2026-03-02", {"v1": "train", "v2": "test", "v3": "validation"})
    for snapshot in (first, second):
        md5 = {name: hashes(snapshot.folder / name)[0] for name in (*snapshot.manifest.files, NAME)}
        save_record(project.desk.store, make_record(snapshot.manifest, md5, "here"))
    site = Site(project, {"first": first, "second": second})
    target = Cache(cache).snapshot(second.digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    second.folder.rename(target)
    site.snapshots["second"] = Snapshot(target)
    verdict = DataVerdict(
        snapshot=first.digest, suites="s", previous=None, code="c", judged_at="2026-03-01T12:00:00", findings=()
    )
    project.desk.store.put(f"validations/{'a' * 64}.json", verdict.to_bytes())
    return site


@pytest.fixture
def grown(site: Site) -> Site:
    """Two runs on the first snapshot, one on the second from the first one's weights; the first is champion."""
    run = site.run("calm-heron", "first", view={"where": [["camera", ["crop"]]]}, revision=f"{COMMIT}+dirty")
    site.run("wide-heron", "first")
    site.export("a", run, "first")
    site.run("next-heron", "second", references={"start": "e" * 64})
    site.project.champion("a")
    return site
