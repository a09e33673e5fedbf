"""A network of 1.4 million weights on pictures of 3 x 128 x 128, that nobody trained, and bundles of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Lineage, VariantPart
from slipway.serving.bundle.writing import write_bundle
from slipway.serving.runtime.session import open_session

MODEL = "bench-net"
SIZE = 128
OPSET = 20
CLASSES = 32
LAYERS = (
    (3, 32, 4, 4),
    (32, 32, 3, 1),
    (32, 64, 3, 2),
    (64, 128, 3, 2),
    (128, 256, 3, 2),
    (256, 256, 3, 1),
    (256, 160, 3, 1),
)
"""Channels in and out, side of the kernel, stride."""
CONTRACT = Contract.model_validate(
    {
        "inputs": [{"name": "images", "dims": ["batch", 3, SIZE, SIZE]}],
        "outputs": [{"name": "logits", "dims": ["batch", CLASSES], "meaning": "Numbers."}],
        "dims": {"batch": {"least": 1, "usual": 1, "most": 32}},
    }
)


def picture() -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Noise."""
    return np.random.default_rng(7).integers(0, 256, (1, 3, SIZE, SIZE), np.uint8)


def network(seed: int) -> onnx.ModelProto:
    """The graph, with weights by chance."""
    chance = np.random.default_rng(seed)
    weights = list(_weights(chance))
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels", "scale"], ["x0"]),
    ]
    for number, (_, _, side, stride) in enumerate(LAYERS):
        around = [0 if side == stride else side // 2] * 4
        names = [f"x{number}", f"w{number}"]
        conv = helper.make_node("Conv", names, [f"c{number}"], strides=[stride, stride], pads=around)
        nodes += [conv, helper.make_node("Relu", [f"c{number}"], [f"x{number + 1}"])]
    nodes += [
        helper.make_node("GlobalAveragePool", [f"x{len(LAYERS)}"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["vector"]),
        helper.make_node("MatMul", ["vector", "head"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        MODEL,
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def _weights(chance: np.random.Generator) -> Iterator[onnx.TensorProto]:
    yield numpy_helper.from_array(np.array(1 / 255, np.float32), "scale")
    for number, (before, after, side, _) in enumerate(LAYERS):
        spread = (2 / (before * side * side)) ** 0.5
        values = chance.normal(0, spread, (after, before, side, side)).astype(np.float32)
        yield numpy_helper.from_array(values, f"w{number}")
    yield numpy_helper.from_array(chance.normal(size=(LAYERS[-1][1], CLASSES)).astype(np.float32), "head")


def bundle(folder: Path, seed: int) -> Bundle:
    """A bundle of it."""
    model = folder.with_name(f"{folder.name}.onnx")
    model.write_bytes(network(seed).SerializeToString())
    given = picture()
    answer = open_session(model, CONTRACT).run({"images": given})["logits"]
    return write_bundle(
        folder,
        model=MODEL,
        lineage=Lineage(origin="made for a bench"),
        contract=CONTRACT,
        devices={"edge-cpu": DeviceClass(variants=("fp32",), batch=8, latency_ms=20, memory_mb=200, size_mb=8)},
        variants={"fp32": VariantPart(file="model.fp32.onnx", opset=OPSET, tolerance={"logits": 1e-3})},
        files={"model.fp32.onnx": model.read_bytes()},
        golden={"in.images": given, "fp32.logits": answer},
        reference={"rows": 0},
    )
