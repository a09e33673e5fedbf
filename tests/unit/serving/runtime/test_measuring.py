"""Measuring in a process of its own: it tells what it found, and its end never is ours."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper

import small_onnx
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.measuring import Limits, answers_apart, measure_apart, peak_memory


def saved(tmp_path: Path, model: onnx.ModelProto) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def children() -> list[int]:
    return [one.pid for one in psutil.Process().children(recursive=True)]


def endless() -> onnx.ModelProto:
    """A loop that ends after the end of the universe."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["more"]), helper.make_node("Identity", ["carried"], ["next"])],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("on", TensorProto.BOOL, []),
            value("carried", TensorProto.FLOAT, None),
        ],
        [value("more", TensorProto.BOOL, []), value("next", TensorProto.FLOAT, None)],
    )
    nodes = [
        *small_onnx.classifier().graph.node,
        helper.make_node("Loop", ["trips", "", "scores"], ["logits"], body=body),
    ]
    nodes[2].output[0] = "scores"
    weights = numpy_helper.from_array(small_onnx.weights(), "weights")
    return small_onnx.model(nodes, [weights, numpy_helper.from_array(np.array(1 << 60), "trips")])


def test_latency_and_memory_are_told(tmp_path: Path) -> None:
    found = measure_apart(saved(tmp_path, small_onnx.classifier()), small_onnx.CONTRACT, sizes={"batch": 4}, calls=7)
    assert found.calls == 7
    assert 0 < found.p50_ms <= found.p95_ms
    assert 20 < found.memory_mb < 1000
    assert found.providers == ("cpu",)
    assert found.runtime.startswith("onnxruntime ")


def test_memory_is_that_of_the_model_and_not_of_who_asks(tmp_path: Path) -> None:
    held = np.ones(300 * 1024 * 1024, np.uint8)
    small = measure_apart(saved(tmp_path, small_onnx.classifier()), small_onnx.CONTRACT, calls=1)
    del held
    rows = [helper.make_node("Flatten", ["numbers"], ["rows"]), helper.make_node("MatMul", ["rows", "a"], ["wide"])]
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=TensorProto.FLOAT),
        *rows,
        helper.make_node("MatMul", ["wide", "b"], ["logits"]),
    ]
    wide = 150_000
    heavy = [
        numpy_helper.from_array(np.ones((small_onnx.PIXELS, wide), np.float32), "a"),
        numpy_helper.from_array(np.ones((wide, 2), np.float32), "b"),
    ]
    large = measure_apart(saved(tmp_path, small_onnx.model(nodes, heavy)), small_onnx.CONTRACT, calls=1)
    assert small.memory_mb < 250
    assert large.memory_mb > small.memory_mb + small_onnx.PIXELS * wide * 4 / 2**20


def test_answers_are_those_of_the_model(tmp_path: Path) -> None:
    images = small_onnx.images(3)
    found = answers_apart(saved(tmp_path, small_onnx.classifier()), small_onnx.CONTRACT, {"images": images})
    np.testing.assert_allclose(found["logits"], small_onnx.answers(images), rtol=1e-4)


def test_a_model_that_never_ends_is_ended(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(ModelUnfit, match="was not done after 3 s"):
        measure_apart(saved(tmp_path, endless()), small_onnx.CONTRACT, limits=Limits(seconds=3))
    assert children() == before


def test_a_model_that_wants_too_much_memory_gets_none(tmp_path: Path) -> None:
    with pytest.raises(ModelUnfit, match=r"memory|needs more than 512 MB"):
        measure_apart(saved(tmp_path, small_onnx.exhausting()), small_onnx.CONTRACT, limits=Limits(memory_mb=512))


def test_a_runtime_that_is_brought_down_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "onnxruntime.py").write_text("import os; os.kill(os.getpid(), 11)\n")
    with pytest.raises(ModelUnfit, match=r"brought the process that ran it down \(SIGSEGV\)"):
        measure_apart(saved(tmp_path, small_onnx.classifier()), small_onnx.CONTRACT)


def test_a_runtime_that_does_not_load_is_told_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "onnxruntime.py").write_text("raise ImportError('libcublas.so is missing')\n")
    with pytest.raises(ModelUnfit, match=r"libcublas\.so is missing"):
        measure_apart(saved(tmp_path, small_onnx.classifier()), small_onnx.CONTRACT)


def test_the_child_takes_no_code_from_where_somebody_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise ImportError('somebody else has written this')\n")
    monkeypatch.chdir(tmp_path)
    assert measure_apart(saved(tmp_path, small_onnx.classifier()), small_onnx.CONTRACT, calls=1).calls == 1


def test_what_does_not_load_is_told_as_by_a_session(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(ModelUnfit, match=r"model\.onnx does not load"):
        measure_apart(path, small_onnx.CONTRACT)


def test_the_child_loads_nothing_of_the_platform() -> None:
    program = "import sys, slipway.serving.runtime.measuring as m; print([n for n in sys.modules if n in m_bad])"
    program = program.replace("m_bad", "('slipway.platform', 'slipway.training', 'torch', 'onnx', 'onnxruntime')")
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_peak_is_read_from_the_system(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n")
    assert peak_memory(tmp_path / "status") == 2048 * 1024
    assert peak_memory(tmp_path / "nothing") == 0
    assert peak_memory() > 0
