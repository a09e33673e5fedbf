"""A PostgreSQL from this machine's programs, and an S3 server on loopback: what these tests run on.

`make test-services` looks for the programs first. Without them a test is left out, with the reason.
"""

from collections.abc import Iterator

import pytest

from fleet_service.postgres import lacking
from on_servers import Servers, both

HERE = "tests/services/"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder are of that kind."""
    for item in items:
        if item.nodeid.startswith(HERE):
            item.add_marker(pytest.mark.services)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Started once for all tests."""
    if why := lacking():
        pytest.skip(why)
    with both() as found:
        yield found
