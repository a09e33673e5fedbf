"""A project with a channel and releases, made once and copied."""

import io
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from rolling_out import Site
from slipway.platform.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` is everybody's, and `b` is on its way."""
    site = Site(tmp_path_factory.mktemp("rolled") / "site").open()
    site.release("a")
    site.promote("b")
    site.start()
    return site.root


@pytest.fixture
def site(rolled: Path, tmp_path: Path) -> Site:
    shutil.copytree(rolled, tmp_path / "site")
    return Site(tmp_path / "site").found_again()


@pytest.fixture
def run(site: Site, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`slipway` as cleo runs it."""
    for name, value in {**site.environ, "SLIPWAY_IDENTITY__PERSON": "cleo"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(site.root)

    def slipway(*arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(list(arguments))
        return code, out.getvalue(), err.getvalue()

    return slipway
