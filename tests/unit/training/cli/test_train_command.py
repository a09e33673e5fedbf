"""`slipway train` where nothing is trained: slips, and what would happen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from slipway.platform.data.rows import Image
from slipway.platform.data.writer import SnapshotWriter
from slipway.platform.errors import WrongUse
from slipway.training.cli.train import app

Train = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, to which this process belongs."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "slipway.toml").write_text("")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.fixture
def train(project: Path) -> Train:
    """The command there."""
    assert project.is_dir()
    return lambda *arguments: CliRunner().invoke(app, ["bay-occupancy", *arguments])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("references.strat=runs:/x",), "references has `start` and no other key"),
        (("references.start=nowhere.bin",), "is no file"),
        pytest.param(
            ("trainer.accelerator=gpu",),
            "torch finds no GPU",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU"),
        ),
        (("references.start=runs:/nobody",), "nobody"),
        (("--name", "No Name"), "is no name for a run"),
        (("--tag", "mine"), "is no tag"),
        (("--snapshot", "abcdef"), "abcdef"),
    ],
)
def test_a_slip_is_one_message_and_nothing_is_written(
    train: Train, project: Path, snapshot: Path, arguments: tuple[str, ...], said: str
) -> None:
    given = arguments if "--snapshot" in arguments else (*arguments, "--snapshot", str(snapshot))
    result = train(*given)
    assert isinstance(result.exception, WrongUse), result.output
    assert said in str(result.exception)
    assert [path.name for path in project.rglob("*")] == ["slipway.toml"]


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A picture."""
    with SnapshotWriter(tmp_path / "data") as writer:
        writer.add(b"\xff\xd8\xff1", Image(width=1, height=1, split="train", source="1.jpg"), [])
        writer.finish([], "unknown")
    return tmp_path / "data"


def test_a_dry_run_says_what_would_happen_and_writes_nothing(train: Train, project: Path, snapshot: Path) -> None:
    result = train("--snapshot", str(snapshot), "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["would"] == "start"
    assert told["key"].startswith("r1-")
    assert [path.name for path in project.rglob("*")] == ["slipway.toml"]


def test_what_the_work_begins_with_names_it(train: Train, project: Path, snapshot: Path) -> None:
    (project / "a").write_bytes(b"some weights")
    (project / "b").write_bytes(b"some weights")
    (project / "c").write_bytes(b"others")
    call = ("--snapshot", str(snapshot), "--dry-run", "--json")
    keys = [json.loads(train(f"references.start={name}", *call).stdout)["key"] for name in "abc"]
    assert keys[0] == keys[1] != keys[2]
