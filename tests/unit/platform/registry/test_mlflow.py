"""A server and a database file are the same registry."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from slipway.platform.errors import WrongUse
from slipway.platform.registry.mlflow import ModelRegistry, open_registry, point_alias
from slipway.platform.registry.mlflow_api import EVENTS, HOOK, MLflowApi
from slipway.platform.runs.tracking.tracker import TrackingRefused, TrackingUnreachable
from slipway.platform.settings import schema
from tracked.server import Server

pytestmark = pytest.mark.xdist_group("mlflow")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('database')}/mlflow.db"


@pytest.fixture(params=["server", "database"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModelRegistry]:
    found = request.getfixturevalue(request.param)
    registry = open_registry(schema.MLflow(tracking_uri=getattr(found, "address", found)), tmp_path)
    yield registry
    registry.close()


@pytest.fixture
def model(registry: ModelRegistry) -> str:
    name = f"model-{uuid.uuid4().hex[:8]}"
    registry.ensure_model(name, description="reads plates", tags={"task": "ocr"})
    return name


def create(registry: ModelRegistry, model: str, **changes: Any) -> Any:
    told = {"source": "s3://store/bundles/aa", "run_id": "", "description": "the *first*", "tags": {"bundle": "aa"}}
    return registry.create_version(model, **{**told, **changes})


def test_a_version_is_what_was_said_of_it(registry: ModelRegistry, model: str) -> None:
    first, second = create(registry, model), create(registry, model, tags={})
    assert (first.model, first.number, second.number) == (model, "1", "2")
    found = registry.version(model, "1")
    assert found is not None
    assert found == first
    assert (found.source, found.run_id, found.description) == ("s3://store/bundles/aa", "", "the *first*")
    assert (found.tags, found.aliases) == ({"bundle": "aa"}, ())
    assert found.created.tzinfo is not None
    assert [one.number for one in registry.versions(model)] == ["2", "1"]
    assert registry.versions(model)[1] == first


def test_a_model_is_made_once(registry: ModelRegistry, model: str) -> None:
    registry.ensure_model(model, description="another", tags={})
    assert registry.models().count(model) == 1


def test_tags_and_description_change(registry: ModelRegistry, model: str) -> None:
    create(registry, model)
    registry.tag(model, "1", {"bundle": "bb", "verdict": "passed"})
    registry.describe(model, "1", "# Card")
    found = registry.version(model, "1")
    assert found is not None
    assert (found.tags, found.description) == ({"bundle": "bb", "verdict": "passed"}, "# Card")


def test_an_alias_moves_and_goes(registry: ModelRegistry, model: str) -> None:
    create(registry, model), create(registry, model)
    assert registry.aliases(model) == {}
    registry.set_alias(model, "champion", "1")
    registry.set_alias(model, "challenger", "2")
    registry.set_alias(model, "champion", "2")
    assert registry.aliases(model) == {"champion": "2", "challenger": "2"}
    assert [one.aliases for one in registry.versions(model)] == [("challenger", "champion"), ()]
    registry.delete_alias(model, "champion")
    registry.delete_alias(model, "champion")
    assert registry.aliases(model) == {"challenger": "2"}


def test_a_deleted_version_is_gone_with_its_aliases(registry: ModelRegistry, model: str) -> None:
    create(registry, model), create(registry, model)
    registry.set_alias(model, "champion", "2")
    registry.delete_version(model, "2")
    registry.delete_version(model, "2")
    assert registry.version(model, "2") is None
    assert [one.number for one in registry.versions(model)] == ["1"]
    assert registry.aliases(model) == {}
    with pytest.raises(TrackingRefused, match="not found"):
        registry.set_alias(model, "champion", "2")


def test_what_nobody_knows_is_empty(registry: ModelRegistry) -> None:
    assert registry.versions("nobody's") == []
    assert registry.aliases("nobodys") == {}
    assert registry.version("nobodys", "1") is None
    registry.delete_alias("nobodys", "champion")
    assert "nobodys" not in registry.models()


def test_what_mlflow_refuses_is_told(registry: ModelRegistry) -> None:
    with pytest.raises(TrackingRefused, match="RESOURCE_DOES_NOT_EXIST"):
        create(registry, "nobodys")
    with pytest.raises(TrackingRefused):
        registry.ensure_model("a/b", description="", tags={})


def test_more_than_a_page_is_found(registry: ModelRegistry, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from slipway.platform.registry import mlflow_api, mlflow_database

    for module in (mlflow_api, mlflow_database):
        monkeypatch.setattr(module, "PAGE", 2)
    for _ in range(5):
        create(registry, model)
    registry.ensure_model(f"{model}-b", description="", tags={})
    registry.ensure_model(f"{model}-c", description="", tags={})
    assert [one.number for one in registry.versions(model)] == ["5", "4", "3", "2", "1"]
    assert {model, f"{model}-b", f"{model}-c"} <= set(registry.models())


def test_looking_makes_no_file(tmp_path: Path) -> None:
    registry = open_registry(schema.MLflow(tracking_uri="sqlite:///sub/mlflow.db"), tmp_path)
    assert (registry.models(), registry.versions("m"), registry.aliases("m"), registry.version("m", "1")) == (
        [], [], {}, None,
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_no_mlflow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="neither an MLflow server"):
        open_registry(schema.MLflow(tracking_uri="file:///tmp/mlruns"), tmp_path)


def test_a_server_that_does_not_answer_may_later(tmp_path: Path) -> None:
    registry = open_registry(schema.MLflow(tracking_uri="http://127.0.0.1:9"), tmp_path)
    with pytest.raises(TrackingUnreachable):
        registry.models()


def test_there_is_one_webhook_however_often_it_is_wanted(
    request: pytest.FixtureRequest, server: Server, tmp_path: Path
) -> None:
    def hooks() -> list[Any]:
        told = httpx.get(f"{server.address}/api/2.0/mlflow/webhooks").json().get("webhooks", [])
        return [one for one in told if one["url"] == "http://127.0.0.1:9/alias"]

    registry = open_registry(schema.MLflow(tracking_uri=server.address), tmp_path)
    assert isinstance(registry, MLflowApi)
    request.addfinalizer(registry.close)
    registry.ensure_webhook("http://127.0.0.1:9/alias", "quiet")
    (made,) = hooks()
    assert (made["name"], made["status"]) == (HOOK, "ACTIVE")
    assert [{"entity": one["entity"], "action": one["action"]} for one in made["events"]] == list(EVENTS)
    other = {"name": HOOK, "url": "http://127.0.0.1:9/alias", "events": EVENTS[:1], "status": "DISABLED"}
    httpx.post(f"{server.address}/api/2.0/mlflow/webhooks", json=other).raise_for_status()
    registry.ensure_webhook("http://127.0.0.1:9/alias", "quiet")
    assert [one["webhook_id"] for one in hooks()] == [made["webhook_id"]]
    with pytest.raises(TrackingRefused, match="scheme"):
        registry.ensure_webhook("ftp://127.0.0.1/alias", "quiet")
    httpx.delete(f"{server.address}/api/2.0/mlflow/webhooks/{made['webhook_id']}").raise_for_status()


def test_an_alias_that_several_set_at_once_stands_for_it(registry: ModelRegistry, model: str) -> None:
    number = create(registry, model).number
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: point_alias(registry, model, "champion", number), range(12)))
    assert registry.aliases(model) == {"champion": number}


def test_an_alias_that_cannot_be_set_is_refused_for_good(registry: ModelRegistry, model: str) -> None:
    with pytest.raises((TrackingRefused, WrongUse)):
        point_alias(registry, model, "champion", "7")
