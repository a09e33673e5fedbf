"""A project with a channel; made once and copied, for founding a channel costs most."""

import shutil
from pathlib import Path

import pytest

from commanding import Run, commanding
from rolling_out import Site


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing was released yet, and `a` is champion."""
    site = Site(tmp_path_factory.mktemp("founded") / "site").open()
    site.promote("a")
    return site.root


@pytest.fixture(scope="session")
def led(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` is everybody's, and `b` is champion."""
    site = copied(founded, tmp_path_factory.mktemp("led") / "site")
    site.release("a", promoted=True)
    site.promote("b")
    return site.root


def copied(root: Path, to: Path) -> Site:
    """The same project elsewhere."""
    shutil.copytree(root, to)
    return Site(to).found_again()


@pytest.fixture
def site(founded: Path, tmp_path: Path) -> Site:
    """Nothing was released yet, and `a` is champion."""
    return copied(founded, tmp_path / "site")


@pytest.fixture
def led_site(led: Path, tmp_path: Path) -> Site:
    """`a` is everybody's, and `b` is champion."""
    return copied(led, tmp_path / "site")


@pytest.fixture
def run(led_site: Site, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit code, standard output and standard error of a command."""
    return commanding(led_site, monkeypatch, "dora")
