"""An empty project, a channel that was founded, and bundles."""

from pathlib import Path

import pytest

import small_onnx
from signed_channel import Office
from slipway.serving.bundle.folder import Bundle


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, tuple[Bundle, ...]]:
    """Made one time; nobody changes it."""
    folder = tmp_path_factory.mktemp("channel")
    office = Office(folder / "office").open()
    return office, tuple(small_onnx.bundle(folder / f"bundle{seed}", seed) for seed in range(2))


@pytest.fixture
def office(once: tuple[Office, tuple[Bundle, ...]], tmp_path: Path) -> Office:
    """Its channel was founded and lists nothing yet."""
    return once[0].copied(tmp_path / "office")


@pytest.fixture
def unfounded(tmp_path: Path) -> Office:
    """Everybody has a key, and there is no channel."""
    return Office(tmp_path / "new").known()


@pytest.fixture
def bundles(once: tuple[Office, tuple[Bundle, ...]]) -> tuple[Bundle, ...]:
    return once[1]
