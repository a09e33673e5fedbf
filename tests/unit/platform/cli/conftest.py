"""A server that accepts and says nothing."""

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def silent_address() -> Iterator[str]:
    """An address that takes connections and never answers them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
