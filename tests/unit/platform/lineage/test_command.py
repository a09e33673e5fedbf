"""`slipway lineage` as a person runs it."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest

from imported import HEAVY, modules_after
from slipway.platform.cli.main import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lineage(grown: Any, monkeypatch: pytest.MonkeyPatch) -> Command:
    for name, value in grown.project.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(grown.project.folder)

    def run(*arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["lineage", *arguments])
        return code, out.getvalue(), err.getvalue()

    return run


def test_it_prints_a_tree_data_or_a_picture(lineage: Command, grown: Any) -> None:
    version = f"{grown.project.model}@champion"
    code, out, err = lineage(version)
    assert (code, err) == (0, "")
    assert out.startswith(f"{grown.project.model}/1, champion\n")
    assert "approve by ben" in out
    _, out, _ = lineage(version, "--json")
    assert json.loads(out)["start"] == f"version:{grown.project.model}/1"
    assert lineage(version, "-o", "json")[1] == out
    assert lineage(version, "-o", "svg")[1].startswith("<svg")
    _, out, err = lineage("calm-heron", "--downstream", "-o", "svg", "--output", "lineage.svg")
    assert (out, err) == ("", "lineage.svg: 5 things.\n")
    assert (grown.project.folder / "lineage.svg").read_text().startswith("<svg")


def test_the_second_question_opens_no_tables(lineage: Command, grown: Any) -> None:
    version = f"{grown.project.model}/1"
    assert "1 train" in lineage(version)[1]
    imported = modules_after("lineage", version)
    assert "securesystemslib" in imported
    assert imported & {"sqlalchemy", *HEAVY} == set()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing-like-it",), "is known here"),
        (("--output", "data", "calm-heron"), "is a folder"),
        (("snapshoot:12ab",), "no kind"),
        (("-o", "png", "calm-heron"), "png"),
        (("no-such-model/1",), "no version of a model"),
    ],
)
def test_wrong_use_is_told(lineage: Command, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = lineage(*arguments)
    assert (code, out) == (2, "")
    assert told in err
