"""Sweeps of real trainings: killed without warning, gone on with, and seen in MLflow as a parent with children.

Begun as processes of this machine and gone on with as jobs on a target: a trial is the same work either way.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from slipway.platform.data.rows import Image
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.runs.tracking.tracker import open_tracker
from slipway.platform.settings import load

ROOT = Path(__file__).parents[2]
SLIPWAY = str(Path(sys.executable).parent / "slipway")
SWEEP = ["sweep", "plain-colours", "seed=0,1,2", "trainer.max_steps=2", "batch=8", "--trials", "3", "--parallel", "2"]
PATIENCE = 90.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a package of models of its own, and a snapshot of 24 small pictures."""
    about = tmp_path / "colours-1.dist-info"
    for folder in (tmp_path / "colours", about):
        folder.mkdir()
    (tmp_path / "slipway.toml").touch()
    (tmp_path / "requirements.lock").write_bytes((ROOT / "requirements.lock").read_bytes())
    (tmp_path / "colours" / "__init__.py").touch()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[slipway.models]\ncolours = colours\n")
    rng = np.random.default_rng(0)
    with SnapshotWriter(tmp_path / "data") as writer:
        for number in range(24):
            done, data = cv2.imencode(".jpg", rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
            assert done
            split = ("train", "train", "validation", "test")[number % 4]
            writer.add(
                data.tobytes(), Image(width=32, height=32, split=split, source=f"{number}", label_state="reviewed")
            )
        writer.finish([], "made here")
    return tmp_path


def started(project: Path, arguments: Sequence[str]) -> "subprocess.Popen[str]":
    """`slipway` in the project."""
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    environ = {"HOME": str(project), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(project), **coverage}
    return subprocess.Popen(
        [SLIPWAY, *arguments], cwd=project, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def make_model(project: Path) -> None:
    """The model `plain-colours`."""
    made = started(project, ["new", "model", "plain-colours", "--from", "blank"])
    _, problem = made.communicate(timeout=PATIENCE)
    assert made.returncode == 0, problem


def test_a_killed_sweep_goes_on_and_mlflow_has_one_run_for_each_trial(project: Path) -> None:
    make_model(project)
    killed = started(project, [*SWEEP, "--snapshot", "data"])
    deadline = time.monotonic() + PATIENCE
    while not list(project.glob(".slipway/store/sweeps/*/outcomes/*.json")):
        assert killed.poll() is None, killed.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    again = started(project, [*SWEEP, "--snapshot", "data", "--json"])
    told, remarks = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, remarks
    answer = json.loads(told)
    assert [one["state"] for one in answer["trials"]] == ["done"] * 3
    assert answer["trials"][answer["best"]]["score"] == max(one["score"] for one in answer["trials"])
    assert "--snapshot data" in answer["command"]
    assert len(list(project.glob(".slipway/store/work/r1-*/attempts/*/spec.json"))) == 3

    loaded = load(project, {"HOME": str(project)})
    tracker = open_tracker(loaded.settings.mlflow, project)
    experiment = tracker.experiment("plain-colours")
    (parent,) = tracker.find(experiment, "slipway.kind", "sweep")
    children = tracker.find(experiment, "mlflow.parentRunId", parent.run_id)
    assert sorted(one.tags["slipway.key"] for one in children) == sorted(one["run"] for one in answer["trials"])
    assert parent.status == "FINISHED"
    assert len(tracker.history(parent.run_id, answer["trials"][0]["metric"])) == 3


def test_a_sweep_on_a_target_tells_its_price_and_finds_what_was_trained_here(project: Path) -> None:
    make_model(project)
    settings = "[contexts.local.targets.priced]\nprice_per_hour = 36\n"
    (project / "slipway.toml").write_text(settings)
    trained = started(project, ["train", "plain-colours", "seed=1", *SWEEP[3:5], "--snapshot", "data", "--json"])
    told, remarks = trained.communicate(timeout=PATIENCE)
    assert trained.returncode == 0, remarks
    key = json.loads(told)["key"]
    placed = [*SWEEP, "--snapshot", "data", "--on", "priced", "--budget", "5"]
    foretold = started(project, [*placed, "--dry-run"])
    told, remarks = foretold.communicate(timeout=PATIENCE)
    assert foretold.returncode == 0, remarks
    assert "priced, 1 node each" in told
    assert "price of all      USD" in told
    assert not list(project.glob(".slipway/store/sweeps/*"))

    sweep = started(project, placed)
    told, remarks = sweep.communicate(timeout=PATIENCE)
    assert sweep.returncode == 0, remarks
    heading, *rows = told.splitlines()[:4]
    assert heading.split() == ["TRIAL", "SEED", "STATE", "VALIDATION/ACCURACY", "RUN", "WHERE", "COST"]
    assert {row.split()[2] for row in rows} == {"done"}
    costs = [float(row.split()[-1]) for row in rows]
    found = next(row for row in rows if row.split()[1] == "1")
    assert float(found.split()[-1]) == 0
    assert sum(cost > 0 for cost in costs) == 2
    assert "cost: USD" in told
    assert "slipway submit plain-colours" in told
    assert "--on priced" in told
    assert len(list(project.glob(f".slipway/store/work/{key}/attempts/*/spec.json"))) == 1
    refused = started(project, [*SWEEP, "--budget", "5"])
    assert "--on TARGET" in refused.communicate(timeout=PATIENCE)[1]
    assert refused.returncode == 2
