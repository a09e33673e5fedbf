"""Commands in several projects."""

from collections.abc import Iterator

import pytest

from kept_history.drill import Call, calling


@pytest.fixture
def call() -> Iterator[Call]:
    """`slipway`."""
    with calling() as run:
        yield run
