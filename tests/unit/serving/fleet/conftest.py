"""A fleet service on loopback for each test, and stores on SQLite and on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet_service import Running, running
from fleet_service.postgres import emptied, lacking, postgres


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Running]:
    """The service."""
    with running(tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL."""
    if why := lacking():
        pytest.skip(why)
    with postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """An empty database."""
    return "sqlite:///fleet.db" if request.param == "sqlite" else emptied(request.getfixturevalue("server"))
