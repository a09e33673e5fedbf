"""A project folder of one's own, the real `slipway` command started in it, and a real MLflow server."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracked.server import Server

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An MLflow server; whoever asks for it is in the xdist group `mlflow`."""
    server = Server(tmp_path_factory.mktemp("mlflow"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def slipway(project: Path, tmp_path: Path) -> Run:
    """Run `slipway` as a person would: a child process in the project, with a HOME of its own."""
    script = Path(sys.executable).parent / "slipway"
    home = tmp_path / "home"
    home.mkdir()

    def run(
        *arguments: str, cwd: Path = project, stdin: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", **coverage, **variables}
        return subprocess.run(
            [str(script), *arguments],
            cwd=cwd,
            env=environ,
            input=stdin or "",
            capture_output=True,
            text=True,
            check=False,
        )

    return run
