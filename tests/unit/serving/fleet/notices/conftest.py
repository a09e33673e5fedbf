"""A project with a channel and releases, made once and copied."""

import shutil
from pathlib import Path

import pytest

from commanding import Run, commanding
from rolling_out import Site


@pytest.fixture(scope="session")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` is everybody's, and `b` is on its way."""
    site = Site(tmp_path_factory.mktemp("rolled") / "site").open()
    site.release("a")
    site.promote("b")
    site.start()
    return site.root


@pytest.fixture
def site(rolled: Path, tmp_path: Path) -> Site:
    shutil.copytree(rolled, tmp_path / "site")
    return Site(tmp_path / "site").found_again()


@pytest.fixture
def run(site: Site, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`slipway` as cleo runs it."""
    return commanding(site, monkeypatch, "cleo")
