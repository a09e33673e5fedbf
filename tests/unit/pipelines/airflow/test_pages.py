"""Open pages that people have answered by command, by a real ledger; and an Airflow that is not there."""

import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from airflow_stack.stack import free_port
from releasing import MODEL, Site
from slipway.pipelines.airflow.approval import BUTTONS
from slipway.pipelines.airflow.pages import LOOK, AirflowUnreachable, Api, OpenPage, answered_by_command
from slipway.pipelines.steps.site import Site as Place
from slipway.platform.errors import WrongUse
from slipway.platform.registry import approving, promoting
from slipway.platform.registry.mlflow import open_registry
from slipway.platform.settings import schema

ONE = f"{MODEL}/1"
PAGE = OpenPage(MODEL, f"retrain__{MODEL}", "asked-1", "approval", -1, "1")


@pytest.fixture(scope="module")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    open_registry(schema.MLflow(tracking_uri=f"sqlite:///{path}"), path.parent).ensure_model(
        MODEL, description="", tags={}
    )
    return path


@pytest.fixture
def site(tmp_path: Path, empty_mlflow: Path) -> Site:
    site = Site(tmp_path / "site").open()
    shutil.copyfile(empty_mlflow, site.root / ".slipway" / "mlflow.db")
    site.version("a", risk="high")
    return site


def told(site: Site) -> str:
    return answered_by_command(Place(site.loaded("gates")), PAGE)


def test_a_page_waits_until_enough_have_approved(site: Site) -> None:
    seen = [told(site)]
    for who in ("ben", "cleo"):
        approving.approve(site.desk(who), ONE)
        seen.append(told(site))
    assert seen == ["", "", f"{ONE} is approved by ben, cleo."]
    promoting.promote(site.desk("dora"), ONE)
    assert f"{ONE} is champion" in told(site)


def test_a_rejection_answers_it(site: Site) -> None:
    approving.reject(site.desk("cleo"), ONE, reason="blurred plates")
    assert told(site) == f"{ONE} was rejected by cleo: blurred plates"


def test_a_page_about_a_verdict_of_yesterday_waits_for_nobody(site: Site) -> None:
    for who in ("ben", "cleo"):
        approving.approve(site.desk(who), ONE)
    promoting.promote(site.desk("dora"), ONE)
    site.version("b")
    later = OpenPage(MODEL, PAGE.dag, PAGE.run, PAGE.task, -1, "2")
    assert "was judged against no champion" in answered_by_command(Place(site.loaded("gates")), later)


def test_the_button_that_says_nothing_is_on_the_page() -> None:
    assert LOOK in BUTTONS


def test_a_context_that_names_no_airflow_is_told_what_to_set() -> None:
    with pytest.raises(WrongUse) as refused:
        Api.open(schema.Airflow(url="http://127.0.0.1:1"))
    assert "SLIPWAY_AIRFLOW__PASSWORD" in (refused.value.mend or "")


def test_an_airflow_that_is_away_is_told() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(AirflowUnreachable, match=f"{address}.*does not answer"):
        Api.open(schema.Airflow(url=address, username="ada", password=SecretStr("x")))
