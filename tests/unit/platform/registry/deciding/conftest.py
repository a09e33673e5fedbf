"""A project with people, keys and a real MLflow in a file, which is made once and copied."""

import shutil
from pathlib import Path

import pytest

from releasing import Site, make_mlflow


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with MLflow's tables and the model."""
    return make_mlflow(tmp_path_factory.mktemp("mlflow") / "mlflow.db")


@pytest.fixture
def site(tmp_path: Path, empty_mlflow: Path) -> Site:
    """The project."""
    site = Site(tmp_path / "site").open()
    shutil.copyfile(empty_mlflow, site.root / ".slipway" / "mlflow.db")
    return site
