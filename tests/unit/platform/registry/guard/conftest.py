"""A project beside MLflow's server or a database file, and one who looks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registered import Project, make_project
from tracked.server import Server


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Iterator[Project]:
    """With MLflow's server."""
    project = make_project(tmp_path, server.address)
    yield project
    project.desk.registry.close()


@pytest.fixture
def filed(tmp_path: Path) -> Project:
    """With MLflow's database in a file."""
    return make_project(tmp_path, "sqlite:///.slipway/mlflow.db")


@pytest.fixture
def look(project: Project) -> Iterator[Callable[[], list[str]]]:
    """Look once, as a process of its own would; what was done, in words."""
    guards = []

    def once() -> list[str]:
        guards.append(project.guard())
        return [deed.told for deed in guards[-1].once(project.model).deeds]

    yield once
    for guard in guards:
        guard.registry.close()
