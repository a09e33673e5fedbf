"""The classifier as a file, another interpreter that owns the stand-in, and an engine made there."""

from pathlib import Path

import pytest

import small_onnx
import stand_in_gpu
from slipway.serving.runtime.tensorrt.building import build_engine
from slipway.serving.runtime.tensorrt.cache import EngineFile


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The other interpreter."""
    return stand_in_gpu.interpreter(tmp_path_factory.mktemp("other") / "venv")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The classifier."""
    path = tmp_path / "model.fp32.onnx"
    path.write_bytes(small_onnx.classifier().SerializeToString())
    return path


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory, python: Path) -> EngineFile:
    """One for all tests, which change nothing of it."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "model.onnx").write_bytes(small_onnx.classifier().SerializeToString())
    return build_engine(folder / "model.onnx", small_onnx.CONTRACT, "fp32", folder / "engines", python=python)


@pytest.fixture
def mood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A word in this file changes how engines of the stand-in run."""
    path = tmp_path / "mood"
    path.write_text("")
    monkeypatch.setenv("STAND_IN_MOOD", str(path))
    return path
