"""Models from folders: what lies there may go bad while it answers."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import small_onnx
from slipway.serving.edge.serve.fixed import FixedModels
from slipway.serving.edge.serve.loading import Place, Way

WAIT_S = 60


@contextmanager
def served(folder: Path, watch_s: float | None) -> Iterator[tuple[FixedModels, "queue.Queue[str]"]]:
    """A bundle, and what is told of it."""
    told: queue.Queue[str] = queue.Queue()
    models = FixedModels([Place("bays", folder)], Way(), depth=4, tell=told.put, watch_s=watch_s)
    models.begin()
    try:
        assert "answers" in told.get(timeout=WAIT_S)
        yield models, told
    finally:
        models.close(WAIT_S)


@pytest.mark.parametrize("watch_s", [None, 0.02])
def test_a_file_that_goes_bad_under_the_same_manifest_is_told_and_the_model_goes_on(
    tmp_path: Path, watch_s: float | None
) -> None:
    bundle = small_onnx.bundle(tmp_path / "bays", 0)
    weights = bundle.path("fp32")
    good = weights.read_bytes()
    with served(bundle.folder, watch_s) as (models, told):
        loaded = models.lives()["bays"].loaded
        weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        if watch_s is None:
            models.reload()
        assert f"{weights.name} has the sha256" in told.get(timeout=WAIT_S)
        assert weights.name in models.problems()["bays"]
        assert models.lives()["bays"].loaded is loaded
        weights.write_bytes(good)
        if watch_s is None:
            models.reload()
        assert "nothing is wrong" in told.get(timeout=WAIT_S)
        assert models.problems() == {}
