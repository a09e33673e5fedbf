"""`slipway export` as people use it: a trained run, real processes, a kill half-way, and one bundle in the end."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.verifying import check

pytestmark = [pytest.mark.xdist_group("export-command"), pytest.mark.timeout(400)]

BIN = Path(sys.executable).parent
PATIENCE = 200.0
SHORT = ("bay-occupancy", "batch=8", "trainer.max_epochs=1", "augmentation.flip=0.3")


class Desk:
    """A project with a trained run, and `slipway` in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command."""
        environ = {"HOME": str(self.root.parent), "PATH": f"{BIN}:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "USER": "ada"}
        return subprocess.Popen(
            [str(BIN / "slipway"), *arguments], cwd=self.root, env=environ, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What it printed, and what it said along the way."""
        process = self.begin(*arguments)
        printed, said = process.communicate()
        assert process.returncode == code, said
        return printed, said

    def answer(self, *arguments: str) -> dict[str, Any]:
        """What it said in JSON."""
        found: dict[str, Any] = json.loads(self.run(*arguments, "--json")[0])
        return found

    def stored(self, pattern: str) -> list[Path]:
        """Objects of the store."""
        return sorted((self.root / ".slipway/store").glob(pattern))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One short training, `first`."""
    root = tmp_path_factory.mktemp("exporting") / "project"
    root.mkdir()
    desk = Desk(root)
    desk.run("world", "render", "tiny", str(root / "snapshot"))
    desk.run("train", *SHORT, "--snapshot", str(root / "snapshot"), "--name", "first")
    return desk


@pytest.fixture(scope="module")
def killed(desk: Desk) -> dict[str, Any]:
    """What is answered after the first export was killed while it made its variants."""
    process = desk.begin("export", "first")
    deadline = time.monotonic() + PATIENCE
    while not any("fp16" in path.read_text() for path in desk.root.glob(".slipway/work/*/1/journal.jsonl")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, 9)
    process.communicate()
    assert desk.stored("bundles/*") == []
    return desk.answer("export", "first")


def test_a_killed_export_is_done_by_whoever_asks_next_and_makes_one_bundle(desk: Desk, killed: dict[str, Any]) -> None:
    assert killed["how"] == "ran"
    assert set(killed["variants"]) == {"fp32", "fp16", "int8-cpu", "int8-trt"}
    assert [path.stem for path in desk.stored("bundles/*")] == [killed["bundle"]]
    indexed = json.loads(desk.stored("exports/*")[0].read_bytes())
    assert indexed == {"bundle": killed["bundle"], "work": killed["work"]}
    assert desk.stored(f"exports/{killed['run']}.json")


def test_asking_again_says_at_once_what_there_is(desk: Desk, killed: dict[str, Any]) -> None:
    printed, said = desk.run("export", "first")

    assert killed["bundle"] in printed
    assert "This export is done already" in said
    assert len(desk.stored(f"work/{killed['work']}/attempts/*/spec.json")) == 2
    assert desk.answer("export", "first", "--dry-run")["would"] == "return"


def test_the_bundle_comes_out_whole_into_a_folder(desk: Desk, killed: dict[str, Any]) -> None:
    folder = desk.root / "out"

    desk.run("export", "first", "--output", str(folder))

    bundle = Bundle.open(folder)
    check(bundle)
    assert bundle.digest == killed["bundle"]
    assert bundle.manifest.lineage.run_key == killed["run"]


def test_other_commands_know_that_it_is_an_export(desk: Desk, killed: dict[str, Any]) -> None:
    assert "bay-occupancy (export)" in desk.run("runs")[0]
    assert "kind         export" in desk.run("show", killed["name"])[0]
    assert "[slipway] done: Done." in desk.run("logs", killed["name"])[0]


def test_what_cannot_be_exported_is_refused_before_anything_is_written(desk: Desk, killed: dict[str, Any]) -> None:
    before = desk.stored("**/*")
    mine = desk.root / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")

    assert "has trained nothing" in desk.run("export", killed["name"], code=2)[1]
    assert "No run is called `secnd`" in desk.run("export", "secnd", code=2)[1]
    assert "holds no bundle" in desk.run("export", "first", "--output", str(mine), code=2)[1]
    assert "There is no target `moon`" in desk.run("export", "first", "--on", "moon", code=2)[1]
    assert desk.stored("**/*") == before
