"""A tiny model on a tiny snapshot, trained here or by real children that are really killed."""

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from slipway.platform.data.rows import Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.runs.journal import events
from slipway.platform.runs.workplace import Order, Workplace
from slipway.training.config.build import build
from slipway.training.fitting.fit import fit
from slipway.training.task import Task

HERE = Path(__file__).parent
KEY = "r1-0123"
EPOCH_STEPS = 7
"""50 pictures in batches of 8."""
SPLITS = {"train": 50, "validation": 30, "test": 60}
CLASSES = "abc"
BASE: Mapping[str, Any] = {
    "model": "tiny",
    "batch": 8,
    "trainer": {"max_epochs": 3, "average": 0.9},
    "optimizer": {"lr": 0.02, "clip": 1.0},
    "runtime": {"checkpoint_steps": 3, "reader_threads": 1},
}
Config = Mapping[str, Any]


def merged(first: Config, second: Config) -> dict[str, Any]:
    """The second over the first, group by group."""
    deeper = {
        name: merged(first[name], value)
        for name, value in second.items()
        if isinstance(value, Mapping) and isinstance(first.get(name), Mapping)
    }
    return {**first, **second, **deeper}


@dataclass
class Attempts:
    """The attempts at one piece of work, all in one folder."""

    folder: Path
    config: Config
    snapshot: Path
    cache: Path
    start_from: Path | None = None
    """Weights to begin with."""
    codes: list[int] = field(default_factory=list)

    @property
    def workplace(self) -> Workplace:
        return Workplace(self.folder)

    def order(self) -> Order:
        """What the next attempt is to do: go on from the last checkpoint."""
        kept = sorted(self.workplace.checkpoints.glob("step-*.ckpt"))
        return Order(
            key=KEY, attempt=len(self.codes) + 1, model="tiny", package="tiny_model", config=self.config,
            snapshot=self.snapshot, view={}, cache=self.cache, resume=kept[-1] if kept else None,
            references={"start": self.start_from} if self.start_from else {},
        )  # fmt: skip

    def start(self, processes: int = 1) -> int:
        """Let a child try; its exit code, negative for a signal."""
        (self.folder / "marks").mkdir(parents=True, exist_ok=True)
        self.workplace.order.write_text(self.order().model_dump_json())
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        child = ["-m", "slipway.training.fitting.main", str(self.folder)]
        command = [sys.executable, *(torchrun if processes > 1 else []), *child]
        environ = {**os.environ, "PYTHONPATH": str(HERE), "TINY_MARKS": str(self.folder / "marks")}
        environ["GLOO_SOCKET_IFNAME"] = "lo"
        with (self.folder / "log.txt").open("ab") as log:
            code = subprocess.run(command, env=environ, stdout=log, stderr=log, check=False).returncode
        self.codes.append(code)
        return code

    def here(self) -> "Attempts":
        """Train in this process instead."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fit(self.task(), self.order(), self.workplace)
        self.codes.append(0)
        return self

    def task(self) -> Task[Any]:
        """The tiny model's."""
        kind = importlib.import_module("tiny_model.config").Config
        task: Task[Any] = importlib.import_module("tiny_model.task").build(build(kind, self.config))
        return task

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What the journal has of a kind."""
        return [event for event, _ in events(self.workplace.journal) if event["kind"] == kind]

    def curves(self) -> dict[str, dict[int, float]]:
        """Values by metric and step; a step that was repeated must have given the same."""
        found: dict[str, dict[int, float]] = {}
        for event in self.events("metrics"):
            for name, value in event["values"].items():
                if not name.startswith("speed/"):
                    assert found.setdefault(name, {}).setdefault(event["step"], value) == value
        return found

    def result(self, name: str) -> bytes:
        """A file of the result."""
        return (self.workplace.results / name).read_bytes()

    def log(self) -> str:
        """What children printed."""
        return (self.folder / "log.txt").read_text()

    def report(self) -> dict[str, Any]:
        """The judgement."""
        report: dict[str, Any] = json.loads(self.result("evaluation.json"))
        return report


MakeAttempts = Callable[..., Attempts]


@pytest.fixture(scope="session")
def tiny_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Noise in which one colour is stronger; its name begins with the class."""
    folder = tmp_path_factory.mktemp("fitting") / "data"
    write_pictures(folder)
    return Snapshot(folder)


def write_pictures(folder: Path, changed: int | None = None) -> None:
    """The snapshot; in one with a `changed` picture a byte of that is another one."""
    chance = np.random.default_rng(0)
    with SnapshotWriter(folder) as writer:
        number = 0
        for split, count in SPLITS.items():
            for _ in range(count):
                which = int(chance.integers(len(CLASSES)))
                pixels = chance.integers(0, 90, (20, 24, 3)).astype(np.uint8)
                pixels[:, :, which] += 60
                if number == changed:
                    pixels[10, 12, 0] ^= 64
                _, data = cv2.imencode(".png", pixels)
                light = "day" if number % 2 else "night"
                source = f"{CLASSES[which]}{number}"
                writer.add(
                    data.tobytes(),
                    Image(width=24, height=20, split=split, source=source, light=light, label_state="reviewed"),
                )
                number += 1
        writer.finish([], licence="made here")


@pytest.fixture
def make_attempts(tiny_snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeAttempts:
    """Work with a name of its own; keywords are groups and keys of its config."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv("TINY_MARKS", str(tmp_path))

    def make(name: str = "run", *, snapshot: Path | None = None, **config: Any) -> Attempts:
        return Attempts(tmp_path / name, merged(BASE, config), snapshot or tiny_snapshot.folder, tmp_path / "cache")

    return make


@pytest.fixture
def changed_snapshot(tmp_path: Path) -> Callable[[int], Path]:
    """The snapshot with one byte of one picture changed."""

    def make(number: int) -> Path:
        write_pictures(tmp_path / "changed", number)
        return tmp_path / "changed"

    return make


@pytest.fixture(scope="session")
def killed() -> int:
    """The exit code of a child that was killed."""
    return -int(signal.SIGKILL)
