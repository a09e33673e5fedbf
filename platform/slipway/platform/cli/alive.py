"""A sign of life of commands that go on for good: a file whose time says when they looked last.

Whoever starts them, such as Kubernetes, ends one that has become silent.
"""

from pathlib import Path
from typing import Annotated

import typer

Alive = Annotated[
    Path | None,
    typer.Option("--alive", metavar="FILE", help="Touch this file after each look, for whoever watches this process."),
]


def touch(file: Path | None) -> None:
    """Say that it lives, where that was asked for."""
    if file is not None:
        file.touch()
