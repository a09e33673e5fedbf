"""Models of the classifier, and live models that end with the test."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import held_sessions
from held_sessions import SECONDS, Watched
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.live_model import LiveModel

Load = Callable[..., tuple[LoadedModel, Watched]]
Going = Callable[..., LiveModel]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Opens the classifier with a seed, which is also the bundle's name."""
    return partial(held_sessions.opened, tmp_path)


@pytest.fixture
def going() -> Iterator[Going]:
    """Begins live models and ends them."""
    begun: list[LiveModel] = []

    def begin(loaded: LoadedModel | None = None, **options: object) -> LiveModel:
        begun.append(LiveModel(loaded, **options))  # type: ignore[arg-type] # what the test says
        return begun[-1]

    yield begin
    for one in begun:
        one.close(SECONDS)
