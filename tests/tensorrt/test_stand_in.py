"""The stand-in against the real module: what it has, the real one has, and engines are made through the same code."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_onnx
import stand_in_gpu
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.tensorrt.asking import look
from slipway.serving.runtime.tensorrt.building import build_engine
from slipway.serving.runtime.tensorrt.engine import TYPES
from slipway.serving.runtime.tensorrt.making import make
from slipway.serving.runtime.tensorrt.module import find_module
from slipway.serving.runtime.tensorrt.profiles import tensors_of

FOUND = find_module()
pytestmark = [
    pytest.mark.skipif(FOUND is None, reason="no TensorRT here: `make test-tensorrt` installs wheels that need no GPU"),
    pytest.mark.timeout(600),
]
CLASSES = {
    "Builder": "Builder",
    "Config": "IBuilderConfig",
    "Context": "IExecutionContext",
    "Engine": "ICudaEngine",
    "ILogger": "ILogger",
    "MemoryPoolType": "MemoryPoolType",
    "IProgressMonitor": "IProgressMonitor",
    "OnnxParser": "OnnxParser",
    "ParserError": "ParserError",
    "Profile": "IOptimizationProfile",
    "Runtime": "Runtime",
    "TensorIOMode": "TensorIOMode",
}
"""The stand-in's classes, under their names in the real module."""
OWN = {"Config": {"profile", "cache", "workspace"}, "Engine": {"device_memory_size"}}
"""What the stand-in keeps for itself, and what newer modules have under another name."""


@pytest.fixture
def real() -> Any:
    assert FOUND is not None
    return FOUND[1]


@pytest.mark.parametrize(("ours", "theirs"), CLASSES.items())
def test_the_real_module_has_what_the_stand_in_has(real: Any, ours: str, theirs: str) -> None:
    names = {name for name in vars(getattr(stand_in_gpu.tensorrt(), ours)) if not name.startswith("_")}
    assert not {name for name in names - OWN.get(ours, set()) if not hasattr(getattr(real, theirs), name)}


def test_the_real_module_has_the_names_that_are_compared(real: Any) -> None:
    assert set(TYPES) <= set(real.DataType.__members__)
    assert {"INPUT", "OUTPUT"} <= set(real.TensorIOMode.__members__)
    assert {"ERROR", "INTERNAL_ERROR"} <= set(real.ILogger.Severity.__members__)
    assert hasattr(real.ICudaEngine, "device_memory_size_v2")
    assert 1 << int(real.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def test_it_tells_what_it_does_while_it_makes_an_engine(real: Any) -> None:
    told: list[str] = []
    inputs = tensors_of(small_onnx.CONTRACT).inputs
    data = small_onnx.classifier().SerializeToString()
    assert make(real, data, inputs, progress=lambda phase, _, __: told.append(phase)).done
    assert told


@pytest.mark.parametrize("python", [None, Path(sys.executable)], ids=["ours", "another"])
def test_an_engine_is_made_apart_and_kept(python: Path | None, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(small_onnx.classifier().SerializeToString())
    here = look(python)
    made = build_engine(model, small_onnx.CONTRACT, "fp32", tmp_path / "engines", python=python, here=here)
    assert made.told == here.told
    assert len(made.read()) > 1000
    assert build_engine(model, small_onnx.CONTRACT, "fp32", tmp_path / "engines", python=python, here=here) == made


def test_what_is_no_engine_does_not_load_and_the_reason_is_told(real: Any) -> None:
    from slipway.serving.runtime.tensorrt.cuda import Driver
    from slipway.serving.runtime.tensorrt.engine import Engine

    driver = Driver(stand_in_gpu.cuda().Library())
    with pytest.raises(ModelUnfit, match="The engine does not load: "):
        Engine(real, driver, np.zeros(5000, np.uint8).tobytes(), tensors_of(small_onnx.CONTRACT))
