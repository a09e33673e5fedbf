"""A project of people at machines of their own."""

from pathlib import Path

import pytest

from channel_machines import Machines, days_ago
from rolling_out import Site
from signed_channel import Office


@pytest.fixture
def unfounded(tmp_path: Path) -> Machines:
    """People with keys, and no channel yet."""
    return Machines(Office(tmp_path / "office", time=days_ago(0)).known())


@pytest.fixture
def machines(unfounded: Machines) -> Machines:
    """With a channel that was founded just now."""
    assert unfounded.office.repository().found() == ()
    return unfounded


@pytest.fixture
def leading(tmp_path: Path) -> Machines:
    """With release 1 of small-bays, which is everybody's, by a real ledger."""
    site = Site(tmp_path / "office").open()
    site.release("a")
    return Machines(site)
