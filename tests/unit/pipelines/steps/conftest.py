"""A project in which versions are decided about, and steps that look at it through a site."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from releasing import MODEL, Site, make_mlflow
from slipway.pipelines.steps.site import Site as StepSite
from slipway.pipelines.steps.step import Ask

AsWho = Callable[[str], StepSite]


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with MLflow's tables and the model."""
    return make_mlflow(tmp_path_factory.mktemp("mlflow") / "mlflow.db")


@pytest.fixture
def site(tmp_path: Path, empty_mlflow: Path) -> Iterator[Site]:
    """The project."""
    site = Site(tmp_path / "site").open()
    shutil.copyfile(empty_mlflow, site.root / ".slipway" / "mlflow.db")
    yield site
    site.close()


@pytest.fixture
def acting(site: Site) -> AsWho:
    """Where steps work, for somebody."""
    return lambda who: StepSite(site.loaded(who), site.environ)


@pytest.fixture
def ask() -> Ask:
    """What is asked."""
    return Ask(model=MODEL)
