"""An operator's request waits in the device's folder until it was carried out."""

from pathlib import Path

import pytest

from slipway.serving.edge.agent.effects import Request
from slipway.serving.edge.configuration import Home
from slipway.serving.edge.inbox import Inbox


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A device's folder."""
    home = Home(tmp_path / "device")
    home.make()
    return home


def test_a_request_waits_until_it_is_dropped(home: Home) -> None:
    inbox, request = Inbox(home), Request(id="one", what="revert", why="it is wrong", by="ada")
    assert inbox.get("bays") is None
    inbox.put("bays", request)
    assert Inbox(home).get("bays") == request
    assert inbox.get("others") is None
    inbox.drop("bays")
    inbox.drop("bays")
    assert inbox.get("bays") is None


@pytest.mark.parametrize("data", [b"", b"[" * 5000, b'{"id": "one", "what": "format"}', b"x" * 100_000])
def test_what_is_no_request_goes_and_asks_for_nothing(home: Home, data: bytes) -> None:
    (home.folder / "request.bays.json").write_bytes(data)
    assert Inbox(home).get("bays") is None
    assert list(home.folder.iterdir()) == []
