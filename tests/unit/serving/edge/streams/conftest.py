"""Bundles, live models and pictures for streams."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import small_onnx
from slipway.serving.bundle.folder import Bundle
from slipway.serving.runtime.live_model import LiveModel
from slipway.serving.runtime.pictures import encode
from small_onnx import detecting
from stream_site import BLUE, GREEN, RED, Kept


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Bundle]:
    folder = tmp_path_factory.mktemp("bundles")
    return {
        "detect": detecting.detector(folder / "detect"),
        "detect-2": detecting.detector(folder / "detect-2", gain=1.05),
        "detect-large": detecting.detector(folder / "detect-large", size=64),
        "embed": detecting.embedder(folder / "embed"),
        "embed-2": detecting.embedder(folder / "embed-2", gain=0.9),
        "classify": small_onnx.bundle(folder / "classify"),
    }


@pytest.fixture
def live(bundles: Mapping[str, Bundle]) -> Iterator[Callable[..., LiveModel]]:
    """Live models, closed afterwards."""
    made: list[LiveModel] = []

    def begin(name: str | None = None, **parts: Any) -> LiveModel:
        made.append(LiveModel(None if name is None else detecting.loaded(bundles[name], 3), **parts))
        return made[-1]

    yield begin
    for one in made:
        one.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures with a red box, with two boxes, and with none."""
    found = tmp_path / "pictures"
    found.mkdir()
    scenes = [[(8, 8, 16, 16, RED)], [(0, 16, 8, 24, BLUE), (16, 0, 24, 8, GREEN)], []]
    for number, boxes in enumerate(scenes):
        (found / f"{number}.jpg").write_bytes(encode(detecting.scene(*boxes), 95))
    return found
