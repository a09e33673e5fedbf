"""A fleet service on loopback for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_service import Running, running


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Running]:
    """The service."""
    with running(tmp_path) as found:
        yield found
