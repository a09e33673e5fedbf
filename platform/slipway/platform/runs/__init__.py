"""The record of work: what names it, what it ran with, how often it was tried, and what came of it.

A piece of work is named by its content (`parts`), tried in numbered attempts (`attempts`), bound to one MLflow run
(`binding`) and ended by one result (`results`). All of it lies in the store under names that are made in `layout`, so
whoever knows the key finds the rest, and whoever is killed is found out by the next one.

In a notebook: `slipway.platform.runs.get(name)`. It is imported when it is asked for and by its name, because this
module belongs to every training's code and what it imports would, too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slipway.platform.runs.api import Run, get

__all__ = ["Run", "get"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever it is
    if name in __all__:
        return getattr(import_module("slipway.platform.runs.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
