"""What the walk through a model file finds, and what it refuses; never anything but a `BadBundle`."""

import io
import pickle
import time
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import small_onnx
from slipway.serving.bundle import graph as walking
from slipway.serving.bundle import wire
from slipway.serving.bundle.folder import BadBundle
from slipway.serving.bundle.graph import Graph, GraphTensor, read_graph

CLASSIFIER = small_onnx.classifier().SerializeToString()
LOGITS = helper.make_node("MatMul", ["images", "w"], ["logits"])


def refused(data: bytes | onnx.ModelProto) -> str:
    with pytest.raises(BadBundle) as caught:
        read_graph(data if isinstance(data, bytes) else data.SerializeToString(), "model.onnx")
    assert str(caught.value).startswith("model.onnx ")
    return str(caught.value)


def test_a_graph_is_told_as_it_is() -> None:
    model = small_onnx.classifier()
    model.producer_name, model.producer_version = "acme", "1.2"
    model.metadata_props.add(key="kind", value="bay")
    found = read_graph(model.SerializeToString(), "model.onnx")
    assert found == Graph(
        ir_version=10,
        opset=20,
        opsets={"": 20},
        producer="acme 1.2",
        inputs=(GraphTensor("images", "uint8", ("batch", 3, 4, 4)),),
        outputs=(GraphTensor("logits", "float32", ("batch", 2)),),
        operators={"Cast": 1, "Flatten": 1, "MatMul": 1},
        parameters=96,
        metadata=("kind",),
    )
    assert found.nodes == 3


def test_weights_that_are_also_inputs_are_no_inputs() -> None:
    model = small_onnx.classifier()
    model.graph.input.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, [48, 2]))
    assert [one.name for one in read_graph(model.SerializeToString(), "m").inputs] == ["images"]


def test_nodes_and_weights_of_subgraphs_count() -> None:
    assert read_graph(nested(3).SerializeToString(), "m").operators == {"Identity": 3, "If": 3}


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        written.writestr("archive/data.pkl", b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        *[pytest.param(pickle.dumps({"a": 1}, n), "it is a pickle", id=f"pickle {n}") for n in (2, 3, 4, 5)],
        pytest.param(pickle.dumps({"a": 1}, 0), "no ONNX model", id="pickle 0"),
        pytest.param(archive(), "a zip archive, as PyTorch writes", id="a checkpoint"),
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(b"\x89HDF\r\n", "HDF5", id="keras"),
        pytest.param(b"\x7fELF\x02", "a program", id="library"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", "not fetched", id="pointer"),
        pytest.param(b"just a text", "no whole ONNX model", id="text"),
        pytest.param(b"\x08\x0a", "lacks its version, its graph", id="a version alone"),
        pytest.param(CLASSIFIER[:-1], "no whole ONNX model", id="cut"),
        pytest.param(CLASSIFIER + b"\x08\x0a", "ir_version stands there twice", id="twice"),
        pytest.param(CLASSIFIER + b"\xf8\x3f\x01", "ModelProto has a field 1023", id="unknown field"),
        pytest.param(CLASSIFIER + b"\x32\x02\xff\xfe", "doc_string is no text", id="no text"),
        pytest.param(CLASSIFIER + b"\x30\x05", "doc_string is of a wrong type", id="wrong type"),
        pytest.param(b"\x08" + b"\xff" * 11, "no protobuf message", id="endless number"),
        pytest.param(b"\x08" + b"\xff" * 9 + b"\x7f", "no protobuf message", id="number of more than 64 bits"),
        pytest.param(b"\x0b", "no protobuf message", id="group"),
        pytest.param(b"\x3a\xff\xff\xff\xff\x0f", "no whole ONNX model", id="longer than the file"),
    ],
)
def test_what_is_no_model_is_refused(data: bytes, said: str) -> None:
    assert said in refused(data)


def outside(tensor: TensorProto) -> TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def weight(count: int = 4) -> TensorProto:
    return numpy_helper.from_array(np.ones(count, np.float32), "w")


def in_initializer() -> onnx.ModelProto:
    return small_onnx.model([LOGITS], [outside(weight())])


def in_attribute() -> onnx.ModelProto:
    return small_onnx.model([helper.make_node("Constant", [], ["logits"], value=outside(weight()))])


def in_attribute_list() -> onnx.ModelProto:
    node = helper.make_node("Constant", [], ["logits"])
    node.attribute.add(name="values", type=onnx.AttributeProto.TENSORS).tensors.append(outside(weight()))
    return small_onnx.model([node])


def in_sparse_weights() -> onnx.ModelProto:
    model = small_onnx.model([LOGITS])
    model.graph.sparse_initializer.add(dims=[4], values=outside(weight()), indices=weight())
    return model


def in_sparse_attribute() -> onnx.ModelProto:
    node = helper.make_node("Constant", [], ["logits"])
    sparse = onnx.SparseTensorProto(dims=[4], values=weight(), indices=outside(weight()))
    node.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor.CopyFrom(sparse)
    return small_onnx.model([node])


def in_subgraph() -> onnx.ModelProto:
    model = nested(2)
    inner = model.graph.node[0].attribute[0].g.node[0].attribute[0].g
    inner.initializer.append(outside(weight()))
    return model


@pytest.mark.parametrize(
    "make", [in_initializer, in_attribute, in_attribute_list, in_sparse_weights, in_sparse_attribute, in_subgraph]
)
def test_weights_outside_the_file_are_refused_wherever_they_stand(make: Callable[[], onnx.ModelProto]) -> None:
    assert "keeps the weights `w` outside itself" in refused(make())


@pytest.mark.parametrize("part", ["location", "entries", "segment"])
def test_each_way_of_pointing_outside_is_enough(part: str) -> None:
    tensor = weight()
    if part == "location":
        tensor.data_location = TensorProto.EXTERNAL
    elif part == "entries":
        tensor.external_data.add(key="location", value="w.bin")
    else:
        tensor.segment.begin = 0
    assert "outside itself" in refused(small_onnx.model([LOGITS], [tensor]))


@pytest.mark.parametrize(
    ("domain", "operator", "allowed"),
    [
        ("", "MatMul", True),
        ("ai.onnx", "MatMul", True),
        ("ai.onnx.ml", "LabelEncoder", True),
        ("com.microsoft", "QLinearAdd", True),
        ("com.microsoft", "EPContext", False),
        ("com.microsoft.experimental", "Anything", False),
        ("ai.onnx.contrib", "PyOp", False),
        ("acme", "MatMul", False),
        ("", "", False),
    ],
)
def test_only_operators_that_every_runtime_brings_are_allowed(domain: str, operator: str, allowed: bool) -> None:
    node = helper.make_node(operator, ["images"], ["logits"], domain=domain)
    model = small_onnx.model([node], opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(domain, 1)])
    if allowed:
        assert read_graph(model.SerializeToString(), "m").nodes == 1
    else:
        assert "operator" in refused(model)


def test_a_custom_operator_in_a_subgraph_is_refused() -> None:
    model = nested(2)
    model.graph.node[0].attribute[0].g.node.append(helper.make_node("Own", [], ["x"], domain="acme"))
    assert "`acme.Own`" in refused(model)


def test_operators_that_a_model_defines_itself_are_refused() -> None:
    model = small_onnx.classifier()
    model.functions.add(name="Twice", domain="acme")
    assert "inline them" in refused(model)


def test_a_training_graph_is_refused() -> None:
    model = small_onnx.classifier()
    model.training_info.add()
    assert "only inference" in refused(model)


def nested(depth: int) -> onnx.ModelProto:
    """Branches within branches."""
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [], [])
    for _ in range(depth - 1):
        nodes = [helper.make_node("If", ["c"], ["y"], then_branch=graph), helper.make_node("Identity", ["x"], ["z"])]
        graph = helper.make_graph(nodes, "g", [], [])
    return small_onnx.model([helper.make_node("If", ["c"], ["logits"], then_branch=graph)])


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def whole(graph: bytes) -> bytes:
    """A model of these bytes of a graph."""
    return b"\x08\x0a" + message(7, graph) + message(8, b"\x10\x14")


def branches(depth: int) -> bytes:
    graph = b""
    for _ in range(depth):
        node = message(4, b"If") + message(5, message(1, b"b") + message(6, graph))
        graph = message(1, node)
    return whole(graph)


def types(depth: int) -> bytes:
    kind = b""
    for _ in range(depth):
        kind = message(4, message(1, kind))
    return whole(message(11, message(1, b"x") + message(2, kind)))


@pytest.mark.parametrize("make", [branches, types])
@pytest.mark.parametrize("depth", [9, 60, 3000])
def test_depth_has_an_end(make: Callable[[int], bytes], depth: int) -> None:
    assert "8 deep" in refused(make(depth))


def test_many_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MOST_NODES", 10)
    nodes = [helper.make_node("Identity", ["images"], ["logits"]) for _ in range(11)]
    assert "more than 10 nodes" in refused(small_onnx.model(nodes))


def test_many_fields_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_FIELDS", 20)
    assert "more than 20 fields" in refused(CLASSIFIER)


def tensor(**parts: Any) -> onnx.ModelProto:
    return small_onnx.model([LOGITS], [TensorProto(name="w", **parts)])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        pytest.param(tensor(dims=[1 << 40], data_type=1), "more than 2,147,483,648 numbers", id="huge"),
        pytest.param(
            tensor(dims=[1], data_type=1, raw_data=bytes(4), float_data=[1.0]), "`w` in two forms", id="two forms"
        ),
        pytest.param(
            small_onnx.model([LOGITS], [TensorProto(name="w", dims=[1], data_type=1, raw_data=bytes(4))] * 2),
            "weights twice under one name",
            id="twice",
        ),
        pytest.param(tensor(dims=[1 << 30, 1 << 30], data_type=1), "more than", id="huge product"),
        pytest.param(tensor(dims=[-1], data_type=1), "impossible dimensions", id="negative"),
        pytest.param(tensor(dims=[1] * 20, data_type=1), "impossible dimensions", id="many dimensions"),
        pytest.param(tensor(dims=[1] * 5000, data_type=1), "impossible dimensions", id="very many dimensions"),
        pytest.param(tensor(dims=[1000000], data_type=1), "say they are 1,000,000", id="nothing there"),
        pytest.param(tensor(dims=[4], data_type=1, raw_data=bytes(15)), "say they are 4", id="too few bytes"),
        pytest.param(tensor(dims=[4], data_type=1, raw_data=bytes(17)), "say they are 4", id="too many bytes"),
        pytest.param(tensor(dims=[4], data_type=1, float_data=[1.0] * 3), "say they are 4", id="too few numbers"),
        pytest.param(tensor(dims=[2], data_type=6, int32_data=[-1, 1, 1]), "say they are 2", id="too many numbers"),
        pytest.param(tensor(dims=[2], data_type=99), "a kind that is not known", id="unknown kind"),
        pytest.param(tensor(dims=[2], data_type=8, string_data=[b"a"]), "say they are 2", id="texts"),
    ],
)
def test_weights_that_are_not_as_many_as_they_say_are_refused(model: onnx.ModelProto, said: str) -> None:
    assert said in refused(model)


@pytest.mark.parametrize(
    "kind",
    [
        "float32",
        "float64",
        "float16",
        "int8",
        "uint8",
        "int16",
        "int32",
        "int64",
        "uint32",
        "uint64",
        "bool",
        "complex64",
    ],
)
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
def test_weights_of_every_kind_are_counted(kind: str, raw: bool) -> None:
    array = np.arange(6).astype(kind).reshape(2, 3)
    made = numpy_helper.from_array(array, "w")
    if not raw:
        values = array.view(np.uint16) if kind == "float16" else array
        made = helper.make_tensor("w", made.data_type, [2, 3], values.flatten().tolist())
        assert not made.HasField("raw_data")
    assert read_graph(small_onnx.model([LOGITS], [made]).SerializeToString(), "m").parameters == 6


def test_small_numbers_share_bytes() -> None:
    made = helper.make_tensor("w", TensorProto.INT4, [5], [1, 2, 3, -4, 5])
    assert read_graph(small_onnx.model([LOGITS], [made]).SerializeToString(), "m").parameters == 5


def test_packed_dimensions_have_an_end() -> None:
    packed = message(1, b"\x01" * 5000) + message(8, b"w") + b"\x10\x01"
    assert "more than 4,096 numbers" in refused(whole(message(5, packed)))


def test_an_input_of_impossible_size_is_refused() -> None:
    model = small_onnx.classifier()
    model.graph.value_info.append(helper.make_tensor_value_info("v", TensorProto.FLOAT, [1 << 20, 1 << 20]))
    assert "more than" in refused(model)


def test_time_grows_with_the_file_and_no_faster() -> None:
    def seconds(nodes: int) -> float:
        node = message(1, b"a") + message(2, b"b") + message(4, b"Identity")
        data = whole(message(1, node) * nodes)
        begun = time.process_time()
        read_graph(data, "m")
        return time.process_time() - begun

    seconds(100)
    small, large = min(seconds(2_000) for _ in range(3)), min(seconds(20_000) for _ in range(2))
    assert large < 10 * small * 3


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadBundle):
        read_graph(data, "m")


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from([1, 2, 5, 7, 8, 11, 14, 20, 25]), st.binary(max_size=40)), max_size=12))
def test_random_fields_are_refused_or_read(fields: list[tuple[int, bytes]]) -> None:
    data = b"".join(message(number, content) for number, content in fields)
    for candidate in (data, whole(data)):
        try:
            read_graph(candidate, "m")
        except BadBundle:
            continue


MODELS = [CLASSIFIER, nested(4).SerializeToString(), in_sparse_weights().SerializeToString()]


@settings(max_examples=500)
@given(
    data=st.sampled_from(MODELS),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 2000) | st.none(),
)
def test_a_changed_model_is_refused_or_read(data: bytes, changes: list[tuple[int, int]], cut: int | None) -> None:
    changed = bytearray(data)
    for place, byte in changes:
        changed[place % len(changed)] = byte
    try:
        found = read_graph(bytes(changed[: cut if cut is None else cut % len(changed)]), "m")
    except BadBundle:
        return
    assert found.nodes >= 0
