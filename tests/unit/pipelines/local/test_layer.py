"""Commands use a stack that runs: in its own context, below variables, above the file."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.pipelines.local import layer
from slipway.pipelines.local.component import Component
from slipway.pipelines.local.place import Place
from slipway.platform.errors import WrongUse
from slipway.platform.settings import Loaded, load
from slipway.platform.settings.files import stack_file
from slipway.platform.settings.listing import listing

PROJECT = """
[contexts.local]
mlflow.tracking_uri = "sqlite:///mine.db"
[contexts.dev]
mlflow.tracking_uri = "https://mlflow.dev.example.com"
"""
MLFLOW = Component(
    name="mlflow", group="mlflow", command=[], folder=Path(), environ={}, settings={"mlflow.tracking_uri": "http://m:1"}
)
AIRFLOW = replace(
    MLFLOW,
    name="airflow",
    settings={"airflow.url": "http://a:1", "airflow.password": 'a "secret" \\ 1', "fleet.port": "7"},
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "slipway.toml").write_text(PROJECT)
    found = Place(tmp_path, {})
    found.make()
    layer.write(found, [MLFLOW, AIRFLOW], {"identity.person": "ada"})
    return found


def seen(place: Place, environ: Mapping[str, str] | None = None) -> Loaded:
    return load(place.root, environ or {})


def test_commands_use_the_stack_while_it_runs_and_the_file_afterwards(place: Place) -> None:
    settings = seen(place).settings
    assert settings.mlflow.tracking_uri == "http://m:1"
    assert settings.identity.person == "ada"
    assert settings.fleet.port == 7
    assert settings.airflow.password is not None
    assert settings.airflow.password.get_secret_value() == 'a "secret" \\ 1'
    layer.remove(place)
    layer.remove(place)
    assert seen(place).settings.mlflow.tracking_uri == f"sqlite:///{place.root}/mine.db"
    assert seen(place).settings.airflow.url is None


def test_variables_count_more_and_other_contexts_know_no_stack(place: Place) -> None:
    assert seen(place, {"SLIPWAY_MLFLOW__TRACKING_URI": "http://x:1"}).settings.mlflow.tracking_uri == "http://x:1"
    dev = seen(place, {"SLIPWAY_CONTEXT": "dev"}).settings
    assert (dev.mlflow.tracking_uri, dev.airflow.url) == ("https://mlflow.dev.example.com", None)


def test_each_value_says_that_the_stack_set_it_and_shows_no_secret(place: Place) -> None:
    shown = {one.key: (one.text(), str(one.origin)) for one in listing(seen(place))}
    assert shown["mlflow.tracking_uri"] == ("http://m:1", ".slipway/local/settings.toml:6")
    assert shown["airflow.password"][0] == "**********"


def test_it_is_private(place: Place) -> None:
    assert stack_file(place.root).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "told"), [("mlflow = [", "cannot be read"), ('mlflow.uri = "x"', "`mlflow.uri` is not a setting")]
)
def test_a_damaged_one_is_named(place: Place, text: str, told: str) -> None:
    stack_file(place.root).write_text(text)
    with pytest.raises(WrongUse, match=told) as refused:
        seen(place)
    assert ".slipway/local/settings.toml" in str(refused.value)
