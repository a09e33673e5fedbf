"""A memo is a hint: for other files, other questions, or when it is damaged, it is none."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from own_model import FOLDER, MODEL, PACKAGE, make_project
from slipway.pipelines.steps.memo import FOLDER as MEMOS
from slipway.pipelines.steps.memo import Memo
from slipway.pipelines.steps.step import Ask
from slipway.platform.models.finder import model_named
from slipway.platform.settings import load

ASK = Ask(model=MODEL, overrides=("batch=8",))
GIVEN = {"snapshot": "5" * 64}
VALUES = {"run": "r1-0", "run_name": "quiet-heron-412"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose files are older than a moment."""
    root = make_project(tmp_path / "project")
    for path in root.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    monkeypatch.syspath_prepend(root)
    return root


@pytest.fixture
def fresh(root: Path) -> Callable[[], Memo]:
    """As another process would begin."""
    return lambda: Memo(load(root, {"HOME": str(root)}), model_named(MODEL))


@pytest.fixture
def kept(fresh: Callable[[], Memo]) -> Callable[[], Memo]:
    """The same, after something was noted."""
    memo = fresh()
    assert memo.recall("train", ASK, GIVEN) is None
    memo.keep("train", ASK, GIVEN, VALUES)
    return fresh


def files(root: Path) -> list[Path]:
    return sorted((root / MEMOS).glob("*.json"))


def test_what_was_told_is_remembered_for_the_same_question_alone(kept: Callable[[], Memo]) -> None:
    memo = kept()
    assert memo.recall("train", ASK, GIVEN) == VALUES
    others = (
        ("export", ASK, GIVEN),
        ("train", replace(ASK, target="gpu-l4"), GIVEN),
        ("train", replace(ASK, overrides=("batch=9",)), GIVEN),
        ("train", ASK, {"snapshot": "6" * 64}),
    )
    assert [memo.recall(*other) for other in others] == [None] * len(others)
    assert memo.recall("train", replace(ASK, cause="drift", wait=False), GIVEN) == VALUES


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / PACKAGE / FOLDER / "model.yaml").write_text("name: other"),
        lambda root: (root / PACKAGE / FOLDER / "more.py").touch(),
        lambda root: (root / PACKAGE / "beside.py").touch(),
        lambda root: next((root / PACKAGE / FOLDER).glob("*.py")).unlink(),
        lambda root: (root / "requirements.lock").write_text("torch==3\n"),
        lambda root: (root / "slipway.toml").write_text('[contexts.local]\nlog_level = "info"\n'),
        lambda root: (root / PACKAGE / FOLDER / "model.yaml").chmod(0o755),
    ],
    ids=["changed", "added", "beside", "removed", "lock", "settings", "executable"],
)
def test_for_other_files_there_is_none(root: Path, kept: Callable[[], Memo], change: Callable[[Path], object]) -> None:
    change(root)
    assert kept().recall("train", ASK, GIVEN) is None


def test_bytecode_and_hidden_files_change_nothing(root: Path, kept: Callable[[], Memo]) -> None:
    (root / PACKAGE / FOLDER / "__pycache__").mkdir()
    (root / PACKAGE / FOLDER / "__pycache__" / "task.pyc").touch()
    (root / PACKAGE / FOLDER / ".notes").touch()
    assert kept().recall("train", ASK, GIVEN) == VALUES


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:40]),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(json.dumps({"values": {"run": "r1-1"}, "seal": "0"})),
        lambda path: path.write_text(path.read_text().replace("r1-0", "r1-1")),
        lambda path: path.write_text(json.dumps({"values": {"run": 1}, "seal": 1})),
        lambda path: shutil.rmtree(path.parent),
    ],
    ids=["empty", "torn", "list", "sealed wrongly", "altered", "numbers", "deleted"],
)
def test_one_that_is_damaged_is_none(root: Path, kept: Callable[[], Memo], damage: Callable[[Path], object]) -> None:
    (path,) = files(root)
    damage(path)
    assert kept().recall("train", ASK, GIVEN) is None


def test_nothing_is_noted_where_files_changed_meanwhile_or_only_just(root: Path, fresh: Callable[[], Memo]) -> None:
    memo = fresh()
    assert memo.recall("train", ASK, GIVEN) is None
    declaration = root / PACKAGE / FOLDER / "model.yaml"
    declaration.write_text(declaration.read_text() + "\n")
    memo.keep("train", ASK, GIVEN, VALUES)
    young = fresh()
    assert young.recall("train", ASK, GIVEN) is None
    young.keep("train", ASK, GIVEN, VALUES)
    assert files(root) == []


def test_a_cache_that_cannot_be_written_is_no_error(root: Path, fresh: Callable[[], Memo]) -> None:
    (root / ".slipway" / "cache").parent.mkdir()
    (root / ".slipway" / "cache").touch()
    memo = fresh()
    assert memo.recall("train", ASK, GIVEN) is None
    memo.keep("train", ASK, GIVEN, VALUES)
    assert memo.recall("train", ASK, GIVEN) is None
