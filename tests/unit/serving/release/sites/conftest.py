"""A project with a channel; made once and copied, for founding a channel costs most."""

import shutil
from pathlib import Path

import pytest

from commanding import Run, commanding
from rolling_out import Site as Project

CONFIG = """\
zone: Europe/Lisbon
windows:
  - {days: [mon, tue], begin: 22:30, end: 05:00}
thresholds:
  vehicle-detect: {score: 0.4}
streams:
  entry:
    source: rtsp://10.0.0.2/entry
    fps: 10
    masks: [[[0, 0], [0.2, 0], [0, 0.2]]]
"""


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing was configured yet; one model is everybody's."""
    project = Project(tmp_path_factory.mktemp("founded") / "project").open()
    project.release("a")
    return project.root


@pytest.fixture
def project(founded: Path, tmp_path: Path) -> Project:
    shutil.copytree(founded, tmp_path / "project")
    return Project(tmp_path / "project").found_again()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "harbour.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def run(project: Project, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit code, standard output and standard error of a command."""
    return commanding(project, monkeypatch, "edda")
