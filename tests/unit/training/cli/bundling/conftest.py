"""A project, and `slipway bundle` in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from slipway.training.cli.bundle import app

Command = Callable[..., Result]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, to which this process belongs."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "slipway.toml").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.fixture
def command(project: Path) -> Command:
    """The command there."""
    assert project.is_dir()
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])
