"""A channel that has led one release, and a device that follows it."""

from pathlib import Path

import pytest

import small_onnx
from signed_channel import Follower, Office
from slipway.serving.bundle.folder import Bundle


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, Bundle]:
    """Made one time; nobody changes it."""
    folder = tmp_path_factory.mktemp("channel")
    office = Office(folder / "office").open()
    bundle = small_onnx.bundle(folder / "bundle")
    office.lead(bundle)
    return office, bundle


@pytest.fixture
def office(once: tuple[Office, Bundle], tmp_path: Path) -> Office:
    """It leads release 1 of `bundle`."""
    return once[0].copied(tmp_path / "office")


@pytest.fixture
def bundle(once: tuple[Office, Bundle]) -> Bundle:
    return once[1]


@pytest.fixture
def device(office: Office, tmp_path: Path) -> Follower:
    return Follower(tmp_path / "trust", office.repository().root_bytes(), office)
