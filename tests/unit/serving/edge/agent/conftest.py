"""Bundles that are made once, and a device on which the first of them is installed."""

from pathlib import Path

import pytest

from agent_world.bundles import made
from agent_world.world import World
from slipway.serving.bundle.folder import Bundle


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Bundle]:
    """By the number of the release that they will have."""
    folder = tmp_path_factory.mktemp("bundles")
    return {number: made(folder / str(number), number) for number in (1, 2, 3)}


@pytest.fixture
def world(tmp_path: Path, bundles: dict[int, Bundle]) -> World:
    """A new device, and a channel with three releases, of which the first is for everybody."""
    found = World(tmp_path / "device")
    for number, bundle in bundles.items():
        found.told.release(number, bundle, floor=number - 1)
    found.told.point(1)
    return found
