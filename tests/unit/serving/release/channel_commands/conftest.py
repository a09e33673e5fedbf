"""A project of people at machines of their own; made once and copied, for keys and a channel cost most."""

import shutil
from pathlib import Path

import pytest

from channel_machines import Machines, days_ago
from rolling_out import Site
from signed_channel import Office


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People with keys, and no channel yet."""
    return Office(tmp_path_factory.mktemp("known") / "office", time=days_ago(0)).known().root


@pytest.fixture(scope="session")
def founded(known: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a channel."""
    office = copied(known, tmp_path_factory.mktemp("founded") / "office")
    assert office.repository().found() == ()
    return office.root


@pytest.fixture(scope="session")
def led(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With release 1 of small-bays, which is everybody's, by a real ledger."""
    site = Site(tmp_path_factory.mktemp("led") / "office").open()
    site.release("a")
    return site.root


def copied(root: Path, to: Path) -> Office:
    """The same project elsewhere, at the moment of now."""
    return Office(shutil.copytree(root, to), time=days_ago(0))


@pytest.fixture
def unfounded(known: Path, tmp_path: Path) -> Machines:
    """People with keys, and no channel yet."""
    return Machines(copied(known, tmp_path / "office"))


@pytest.fixture
def machines(founded: Path, tmp_path: Path) -> Machines:
    """With a channel that was founded just now."""
    return Machines(copied(founded, tmp_path / "office"))


@pytest.fixture
def leading(led: Path, tmp_path: Path) -> Machines:
    """With release 1 of small-bays, which is everybody's, by a real ledger."""
    return Machines(Site(shutil.copytree(led, tmp_path / "office")).found_again())
