"""`slipway reproduce` as people use it: a real run, trained again, with and without something changed."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.writer import SnapshotWriter

pytestmark = [pytest.mark.xdist_group("reproduce"), pytest.mark.timeout(240)]

SLIPWAY = Path(sys.executable).parent / "slipway"
REPOSITORY = Path(__file__).parents[2]
SHORT = ("bay-occupancy", "batch=8", "trainer.max_epochs=2", "trainer.max_steps=6")
COUNT = {"train": 48, "validation": 16, "test": 16}


def picture(number: int, *, changed: bool) -> bytes:
    """Noise that is brighter where the bay is occupied; a changed one differs in one byte of one pixel."""
    pixels = np.random.default_rng(number).integers(0, 120, (64, 64, 3)).astype(np.uint8)
    pixels += np.uint8(100 * (number % 2))
    pixels[32, 32, 0] ^= np.uint8(changed)
    done, data = cv2.imencode(".png", pixels)
    assert done
    return data.tobytes()


def bays(folder: Path, changed: int | None = None) -> Path:
    """A snapshot; of the picture with the number `changed` one byte is another."""
    with SnapshotWriter(folder) as writer:
        number = 0
        for split, count in COUNT.items():
            for _ in range(count):
                image = Image(
                    width=64, height=64, split=split, source=f"{number}.png", site="harbour", camera="aisle",
                    light="day", weather="clear", sequence=f"{split}-{number // 4}",
                    extra={"bay": f"N{number % 4}"}, slices={"view": "bay"}, label_state="reviewed",
                )  # fmt: skip
                category = "occupied" if number % 2 else "free"
                box = Box(category=category, x=0, y=0, w=64, h=64, label_state="reviewed")
                writer.add(picture(number, changed=number == changed), image, [box])
                number += 1
        writer.finish([], licence="made here")
    return folder


@dataclass
class Recorded:
    """A project with one run that is done."""

    root: Path
    name: str

    def run(self, *arguments: str, path: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """A command in the project, with `path` before the installed code."""
        environ = {"HOME": str(self.root.parent), "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "USER": "ada"}
        if path is not None:
            environ["PYTHONPATH"] = str(path)
        command = [str(SLIPWAY), *arguments]
        return subprocess.run(command, cwd=self.root, env=environ, capture_output=True, text=True, check=False)

    def reproduce(self, *arguments: str, code: int, path: Path | None = None) -> dict[str, Any]:
        """What the command says, and that it ends with this code."""
        done = self.run("reproduce", self.name, "--json", *arguments, path=path)
        assert done.returncode == code, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def weights(self) -> Path:
        """The file with the weights of the run."""
        store = self.root / ".slipway/store"
        key = json.loads((store / f"names/{self.name}.json").read_text())["key"]
        result = json.loads((store / f"work/{key}/result.json").read_text())
        return store / f"results/sha256-{result['files']['weights.safetensors']['sha256']}.safetensors"

    def records(self) -> dict[str, bytes]:
        """Everything that the store holds of work and results."""
        store = self.root / ".slipway/store"
        files = [path for part in ("work", "results") for path in (store / part).rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("reproduce")
    snapshot = bays(folder / "bays")
    root = folder / "project"
    root.mkdir()
    project = Recorded(root, "recorded-run-1")
    done = project.run("train", *SHORT, "--snapshot", str(snapshot), "--name", project.name)
    assert done.returncode == 0, done.stderr
    return project


def test_the_same_again_is_identical_and_leaves_the_record_alone(recorded: Recorded) -> None:
    before = recorded.records()
    done = recorded.run("reproduce", recorded.name)
    assert done.returncode == 0, done.stderr
    assert "IDENTICAL" in done.stdout
    assert "another" not in done.stderr
    assert recorded.records() == before


def test_another_seed_is_found_in_the_rows_of_the_first_step(recorded: Recorded) -> None:
    found = recorded.reproduce("seed=1", code=1)
    assert (found["identical"], found["step"], found["what"]) == (False, 0, "rows")
    assert found["inputs"] == ["config seed changed"]


def test_a_changed_byte_of_one_image_is_found_where_that_image_is_read(recorded: Recorded, tmp_path: Path) -> None:
    found = recorded.reproduce("--snapshot", str(bays(tmp_path / "bays", changed=5)), code=1)
    assert (found["identical"], found["what"]) == (False, "images")
    assert found["inputs"] == ["snapshot snapshot changed"]


def test_a_changed_line_of_code_is_found_in_the_tensors_that_it_changes(recorded: Recorded, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "training/slipway", tmp_path / "slipway", ignore=shutil.ignore_patterns("__pycache__"))
    changed = tmp_path / "slipway/training/networks/sharing.py"
    text = changed.read_text()
    assert "127.5" in text
    changed.write_text(text.replace("127.5", "127.0"))
    found = recorded.reproduce("--here", code=1, path=tmp_path)
    assert found["inputs"] == ["code slipway/training/networks/sharing.py changed"]
    assert (found["identical"], found["step"], found["what"]) == (False, 0, "loss")


def test_a_changed_rate_is_found_in_the_first_tensor_that_it_moves(recorded: Recorded) -> None:
    found = recorded.reproduce("optimizer.lr=0.0001", code=1)
    assert (found["identical"], found["what"]) == (False, "weights")
    assert found["tensor"].startswith("network.")


def test_a_key_that_the_record_lacks_is_refused_with_the_nearest(recorded: Recorded) -> None:
    done = recorded.run("reproduce", recorded.name, "sede=1")
    assert done.returncode == 2
    assert "`seed`" in done.stderr


def test_what_would_be_done_is_said_and_not_done(recorded: Recorded) -> None:
    shutil.rmtree(recorded.root / ".slipway/reproduce", ignore_errors=True)
    done = recorded.run("reproduce", recorded.name, "--dry-run")
    assert done.returncode == 0
    assert "6 steps" in done.stderr
    assert not list((recorded.root / ".slipway/reproduce").glob("*/results"))


def test_work_that_begins_with_anothers_weights_is_named_by_them_and_reproduced(recorded: Recorded) -> None:
    short = ("bay-occupancy", "batch=8", "trainer.max_epochs=2", "trainer.max_steps=2")
    train = ("train", *short, "--snapshot", str(recorded.root.parent / "bays"), "--json")
    first = recorded.run(*train, f"references.start=runs:/{recorded.name}", "--name", "second-run-1")
    assert first.returncode == 0, first.stderr
    assert "began with" in first.stderr
    shutil.copyfile(recorded.weights(), recorded.root / "mine")
    again = recorded.run(*train, "references.start=mine")
    assert json.loads(again.stdout)["key"] == json.loads(first.stdout)["key"]
    assert json.loads(again.stdout)["how"] == "found"
    done = recorded.run("reproduce", "second-run-1")
    assert done.returncode == 0, done.stderr
    assert "IDENTICAL" in done.stdout
