"""A project whose champion goes to devices by a plan; made once and copied, for founding a channel costs most."""

import shutil
from pathlib import Path

import pytest

from planted.leading import Leading, TimedSite
from rolling_out import Site


@pytest.fixture(scope="session")
def led(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` is everybody's, and `b` is champion."""
    site = Site(tmp_path_factory.mktemp("led") / "site").open()
    site.release("a")
    site.promote("b")
    return site.root


@pytest.fixture
def leading(led: Path, tmp_path: Path) -> Leading:
    shutil.copytree(led, tmp_path / "site")
    return Leading(TimedSite(tmp_path / "site").found_again())
