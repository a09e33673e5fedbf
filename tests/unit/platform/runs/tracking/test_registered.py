"""References to registered versions, asked of a real server and of a database file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from slipway.platform.errors import WrongUse
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.tracking.registered import BUNDLE_TAG, MlflowRegistry

BUNDLE = "c" * 64

# Of the client that these tests prepare a database file with.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")


@pytest.fixture(params=["served", "filed"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A registry of each kind."""
    if request.param == "served":
        return str(request.getfixturevalue("server").address)
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def model(address: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A model with a version that has a bundle and an alias, and one without either."""
    client: Any = MlflowClient(tracking_uri=address, registry_uri=address)
    name = f"bird-{abs(hash(request.node.name))}"
    client.create_registered_model(name)
    for number in (1, 2):
        tags = {BUNDLE_TAG: BUNDLE} if number == 1 else {}
        client.create_model_version(name, "s3://nowhere/bird", tags=tags)
    client.set_registered_model_alias(name, "champion", "1")
    yield name
    client.delete_registered_model(name)


def test_an_alias_and_a_number_mean_the_bundle(address: str, model: str) -> None:
    registry = MlflowRegistry(address)
    assert registry.bundle_of(model, alias="champion", version=None) == BUNDLE
    assert registry.bundle_of(model, alias=None, version="1") == BUNDLE
    with pytest.raises(RunsError, match=rf"models:/{model}/2 should have a tag `bundle`"):
        registry.bundle_of(model, alias=None, version="2")
    for alias, version in (("chalenger", None), (None, "7")):
        with pytest.raises(WrongUse, match=rf"knows no models:/{model}[@/]"):
            registry.bundle_of(model, alias=alias, version=version)
    with pytest.raises(WrongUse, match="knows no models:/no-such-model@champion"):
        registry.bundle_of("no-such-model", alias="champion", version=None)


def test_a_registry_that_is_away_is_told(silent: Callable[[], str]) -> None:
    with pytest.raises(RunsError, match="did not say what models:/bird/1 is"):
        MlflowRegistry(silent()).bundle_of("bird", alias=None, version="1")


def test_a_database_file_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="there is no such file yet"):
        MlflowRegistry(f"sqlite:///{tmp_path}/mlflow.db").bundle_of("bird", alias=None, version="1")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def silent() -> Callable[[], str]:
    """An address where nobody listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return lambda: f"http://127.0.0.1:{port}"
