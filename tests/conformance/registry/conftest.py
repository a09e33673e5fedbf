"""A project whose MLflow is a file or a real server, and scripts that race and are killed in it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from releasing import MODEL, Site
from tracked.server import Server

HERE = Path(__file__).parent
SECONDS = 300


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real MLflow server."""
    server = Server(tmp_path_factory.mktemp("mlflow"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.xdist_group("mlflow-registry"))])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """The project."""
    uri = "sqlite:///.slipway/mlflow.db" if request.param == "file" else request.getfixturevalue("server").address
    site = Site(tmp_path / "site", uri).open()
    yield site
    for alias in site.gates.registry.aliases(MODEL):  # the server outlives the project and its ledger
        site.gates.registry.delete_alias(MODEL, alias)
    site.close()


@pytest.fixture
def script() -> Callable[[str, dict[str, Any]], Any]:
    """Run a script of this folder with a JSON argument; what it prints."""

    def run(name: str, task: dict[str, Any]) -> Any:
        done = subprocess.run(
            [sys.executable, str(HERE / name), json.dumps(task)], capture_output=True, text=True, check=False,
            timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
