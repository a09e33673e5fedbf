"""Sessions over ONNX Runtime: what may go in, what comes out, and what is refused in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import small_onnx
from slipway.serving.bundle.contract import Contract
from slipway.serving.errors import SlipwayError, WrongUse
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.inputs import seeded_inputs
from slipway.serving.runtime.latencies import measure, warm
from slipway.serving.runtime.session import Provider, Session, open_session


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The classifier."""
    path = tmp_path / "model.fp32.onnx"
    path.write_bytes(small_onnx.classifier().SerializeToString())
    return path


@pytest.fixture
def session(file: Path) -> Session:
    """A session of it."""
    return open_session(file, small_onnx.CONTRACT)


def saved(path: Path, model: onnx.ModelProto) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def test_it_answers_by_name(session: Session) -> None:
    images = small_onnx.images(3)
    found = session.run({"images": images})
    assert found.keys() == {"logits"}
    assert np.allclose(found["logits"].astype(float), small_onnx.answers(images), rtol=1e-4)
    assert session.providers == ["cpu"]


def test_one_thread_answers_the_same_each_time(file: Path) -> None:
    images = small_onnx.images(4)
    found = {open_session(file, small_onnx.CONTRACT).run({"images": images})["logits"].tobytes() for _ in range(3)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "The inputs are none; the contract says images"),
        ({"picture": small_onnx.images()}, "The inputs are picture"),
        ({"images": small_onnx.images(), "more": small_onnx.images()}, "images, more"),
        ({"images": small_onnx.images().astype(np.float32)}, "is float32, the contract says uint8"),
        ({"images": small_onnx.images()[0]}, r"\[batch, 3, 4, 4\]"),
        ({"images": small_onnx.images()[:, :, :2]}, r"\[batch, 3, 4, 4\]"),
        ({"images": small_onnx.images(5)}, "has 5 in `batch`, the contract says 1 to 4"),
        ({"images": small_onnx.images(0)}, "has 0 in `batch`"),
    ],
)
def test_what_the_contract_does_not_allow_is_not_run(session: Session, inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        session.run(inputs)


def test_a_closed_session_says_so(session: Session) -> None:
    session.close()
    with pytest.raises(ModelUnfit, match="was closed"):
        session.run({"images": small_onnx.images()})


def other_type() -> onnx.ModelProto:
    model = small_onnx.classifier()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32
    return model


def other_size() -> onnx.ModelProto:
    model = small_onnx.classifier()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 2
    return model


def other_name() -> onnx.ModelProto:
    model = small_onnx.classifier()
    model.graph.node[-1].output[0] = model.graph.output[0].name = "scores"
    return model


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (other_type(), r"the input `images` is tensor\(int32\)"),
        (other_size(), r"is tensor\(uint8\) \[2, 3, 4, 4\]; the contract says tensor\(uint8\) \[batch, 3, 4, 4\]"),
        (other_name(), "the outputs are scores; the contract says logits"),
    ],
)
def test_a_model_that_does_not_keep_to_its_contract_is_not_opened(
    tmp_path: Path, model: onnx.ModelProto, said: str
) -> None:
    with pytest.raises(ModelUnfit, match=said):
        open_session(saved(tmp_path / "m.onnx", model), small_onnx.CONTRACT)


@pytest.mark.parametrize("data", [b"", b"\x80\x04pickle", b"ORTM" * 4, bytes(4) + b"ORTM" + bytes(64)])
def test_what_is_no_onnx_does_not_load(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(ModelUnfit, match=r"m\.onnx does not load"):
        open_session(tmp_path / "m.onnx", small_onnx.CONTRACT)


def test_weights_beside_the_file_are_never_read(tmp_path: Path) -> None:
    model = small_onnx.classifier()
    onnx.save(model, str(tmp_path / "m.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
    onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))  # which would find them
    with pytest.raises(ModelUnfit, match="does not load"):
        open_session(tmp_path / "m.onnx", small_onnx.CONTRACT)


def test_a_link_is_not_opened(tmp_path: Path, file: Path) -> None:
    (tmp_path / "link.onnx").symlink_to(file)
    with pytest.raises(SlipwayError, match="is a link"):
        open_session(tmp_path / "link.onnx", small_onnx.CONTRACT)


def test_operators_that_no_runtime_brings_do_not_load(tmp_path: Path) -> None:
    node = helper.make_node("Own", ["images"], ["logits"], domain="acme")
    imports = [helper.make_opsetid("", 20), helper.make_opsetid("acme", 1)]
    with pytest.raises(ModelUnfit, match="does not load"):
        open_session(saved(tmp_path / "m.onnx", small_onnx.model([node], opset_imports=imports)), small_onnx.CONTRACT)


def test_a_model_that_fails_while_it_runs_says_so(tmp_path: Path) -> None:
    nodes = [*small_onnx.classifier().graph.node[:2], helper.make_node("Gather", ["rows", "which"], ["found"], axis=1)]
    nodes.append(helper.make_node("Identity", ["found"], ["logits"]))
    beyond = numpy_helper.from_array(np.array([5, 99], np.int64), "which")
    session = open_session(saved(tmp_path / "m.onnx", small_onnx.model(nodes, [beyond])), small_onnx.CONTRACT)
    with pytest.raises(ModelUnfit, match=r"m\.onnx does not run: .*out of data bounds"):
        session.run({"images": small_onnx.images()})


def test_a_provider_that_is_not_there_is_an_error_and_no_fall_to_another(file: Path) -> None:
    providers: Sequence[tuple[Provider, str]] = (
        ("cuda", "CUDAExecutionProvider"),
        ("tensorrt", "TensorrtExecutionProvider"),
    )
    for provider, name in providers:
        if name in onnxruntime.get_available_providers():
            continue
        with pytest.raises(ModelUnfit, match=f"no provider `{provider}`"):
            open_session(file, small_onnx.CONTRACT, provider=provider)


def test_made_up_inputs_keep_to_the_contract_and_are_the_same_each_time() -> None:
    contract = Contract.model_validate(
        {
            "inputs": [
                {"name": "a", "dtype": "uint8", "dims": ["batch", 3]},
                {"name": "b", "dtype": "float16", "dims": ["batch", "width"]},
                {"name": "c", "dtype": "int64", "dims": [5]},
            ],
            "outputs": [{"name": "d", "dims": ["batch"], "meaning": "Something."}],
            "dims": {"batch": {"usual": 2}, "width": {"usual": 7, "most": 9}},
        }
    )
    one, other = seeded_inputs(contract), seeded_inputs(contract)
    assert {name: (array.dtype.name, array.shape) for name, array in one.items()} == {
        "a": ("uint8", (2, 3)),
        "b": ("float16", (2, 7)),
        "c": ("int64", (5,)),
    }
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    assert seeded_inputs(contract, {"batch": 3})["a"].shape == (3, 3)
    with pytest.raises(WrongUse, match="has 99 in `batch`"):
        seeded_inputs(contract, {"batch": 99})


class Counting:
    """A session that only counts."""

    providers: Sequence[Provider] = ("cpu",)

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, inputs: Any) -> dict[str, Any]:
        self.shapes.append(inputs["images"].shape)
        return {}

    def close(self) -> None:
        """Nothing is held."""


def test_it_is_warmed_with_the_sizes_that_will_come() -> None:
    session = Counting()
    warm(session, small_onnx.CONTRACT, {"batch": 4}, calls=2)
    assert session.shapes == [(4, 3, 4, 4)] * 2


def test_so_many_calls_are_measured_and_at_least_one_where_time_is_short() -> None:
    inputs = {"images": small_onnx.images()}
    found = measure(Counting(), inputs, 20)
    assert found.calls == 20
    assert 0 < found.p50_ms <= found.p95_ms
    assert measure(Counting(), inputs, 20, seconds=0).calls == 1
    assert measure(Counting(), inputs, 0).calls == 1
