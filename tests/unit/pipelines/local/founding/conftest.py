"""Laptops: one on which nobody was ever, and one that was founded once and is copied."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from little_company import USER, Laptop


@pytest.fixture(autouse=True)
def _logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user has a name."""
    monkeypatch.setenv("LOGNAME", USER)


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """On which nobody was ever."""
    return Laptop(tmp_path)


@pytest.fixture(scope="session")
def founded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder."""
    folder = tmp_path_factory.mktemp("founded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOGNAME", USER)
        Laptop(folder).found()
    return folder


@pytest.fixture
def founded(founded_once: Path, tmp_path: Path) -> Callable[..., Laptop]:
    """A copy of a laptop that was founded, with other variables if need be."""

    def copied(**environ: str) -> Laptop:
        shutil.copytree(founded_once, tmp_path / "copy")
        return Laptop(tmp_path / "copy", environ)

    return copied
