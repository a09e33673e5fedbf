"""A fleet service on loopback for each test, and stores on SQLite and on a real PostgreSQL."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from commanding import Run, commanding
from fleet_service import Running, person, running
from fleet_service.postgres import emptied, lacking, postgres
from slipway.platform.identity import load_people, signer_for
from slipway.platform.settings import load


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Running]:
    """The service."""
    with running(tmp_path) as found:
        yield found


@dataclass(frozen=True)
class Project:
    """Where somebody runs commands that ask the service."""

    root: Path
    environ: dict[str, str]


@pytest.fixture
def commanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Running, Run]]:
    """The service, and commands of ada, the operator."""
    project = Project(tmp_path / "project", {"HOME": str(tmp_path)})
    project.root.mkdir()
    run = commanding(project, monkeypatch, "ada")
    code, _, err = run("identity", "init", "ada", "--role", "operator")
    assert code == 0, err
    identity = load(project.root, os.environ).settings.identity
    ada = signer_for(identity, load_people(identity.people))
    with running(tmp_path, everybody=(ada, person("ben"))) as found:
        project.environ["SLIPWAY_FLEET__URL"] = found.url
        yield found, run


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL."""
    if why := lacking():
        pytest.skip(why)
    with postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """An empty database."""
    return "sqlite:///fleet.db" if request.param == "sqlite" else emptied(request.getfixturevalue("server"))
