"""The world that the console's pages look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console_world import World, console_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with console_world(tmp_path) as found:
        yield found
