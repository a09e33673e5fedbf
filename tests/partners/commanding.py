"""`slipway` in the test's own process, as somebody runs it in a project."""

import io
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Protocol

import pytest

from slipway.platform.cli.main import main

Run = Callable[..., tuple[int, str, str]]


class Project(Protocol):
    """Where commands run, and what they see."""

    @property
    def root(self) -> Path: ...

    @property
    def environ(self) -> Mapping[str, str]: ...


def commanding(project: Project, patch: pytest.MonkeyPatch, who: str) -> Run:
    """Exit code, standard output and standard error of a command; `by` is another person than `who`."""
    patch.chdir(project.root)

    def command(*arguments: str, by: str = who, **environ: str) -> tuple[int, str, str]:
        for name, value in {**project.environ, "SLIPWAY_IDENTITY__PERSON": by, **environ}.items():
            patch.setenv(name, value)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(list(arguments))
        return code, out.getvalue(), err.getvalue()

    return command
