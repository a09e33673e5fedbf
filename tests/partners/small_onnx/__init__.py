"""Small real models, and bundles of them, for tests of what reads, refuses and runs them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Lineage, VariantPart
from slipway.serving.bundle.writing import write_bundle

SIZE = 4
PIXELS = 3 * SIZE * SIZE
OPSET = 20
CONTRACT = Contract.model_validate(
    {
        "inputs": [{"name": "images", "dtype": "uint8", "dims": ["batch", 3, SIZE, SIZE]}],
        "outputs": [
            {
                "name": "logits",
                "dims": ["batch", 2],
                "meaning": "Raw scores of each state.",
                "labels": ["free", "taken"],
            }
        ],
        "dims": {"batch": {"least": 1, "usual": 2, "most": 4}},
        "thresholds": {"taken": 0.5},
    }
)
DEVICES = {"edge-cpu": DeviceClass(variants=("fp32",), batch=2, latency_ms=20, memory_mb=200, size_mb=4)}
LINEAGE = Lineage(origin="made in a test")


def weights(seed: int = 0, size: int = SIZE) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Those of the classifier."""
    return np.random.default_rng(seed).normal(size=(3 * size * size, 2)).astype(np.float32)


def images(count: int = 2) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Noise."""
    return np.random.default_rng(7).integers(0, 256, (count, 3, SIZE, SIZE), np.uint8)


def answers(given: "np.ndarray[Any, np.dtype[np.uint8]]", seed: int = 0) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """What the classifier should say."""
    found: np.ndarray[Any, np.dtype[np.float32]] = given.reshape(len(given), -1).astype(np.float32) @ weights(seed)
    return found


def classifier(seed: int = 0, size: int = SIZE) -> onnx.ModelProto:
    """Images of that size to two scores."""
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["numbers"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["logits"]),
    ]
    return model(nodes, [numpy_helper.from_array(weights(seed, size), "weights")], size=size)


def model(
    nodes: Sequence[onnx.NodeProto], initializers: Sequence[onnx.TensorProto] = (), **parts: Any
) -> onnx.ModelProto:
    """Any graph with the classifier's inputs and outputs."""
    size = parts.pop("size", SIZE)
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        list(initializers),
    )
    return helper.make_model(
        graph, opset_imports=parts.pop("opset_imports", [helper.make_opsetid("", OPSET)]), ir_version=10, **parts
    )


def exhausting() -> onnx.ModelProto:
    """A small file that wants four gigabytes."""
    nodes = [
        *classifier().graph.node,
        helper.make_node("ConstantOfShape", ["shape"], ["many"]),
        helper.make_node("ReduceSum", ["many"], ["sum"], keepdims=0),
        helper.make_node("Add", ["scores", "sum"], ["logits"]),
    ]
    nodes[2].output[0] = "scores"
    own = numpy_helper.from_array(weights(), "weights")
    return model(nodes, [own, numpy_helper.from_array(np.array([1 << 30]), "shape")])


def bundle(folder: Path, seed: int = 0, **parts: Any) -> Bundle:
    """A sound bundle of the classifier; `parts` replace those of `write_bundle`."""
    given = images()
    wanted: dict[str, Any] = {
        "model": "small-bays",
        "lineage": LINEAGE,
        "contract": CONTRACT,
        "devices": DEVICES,
        "variants": {"fp32": VariantPart(file="model.fp32.onnx", opset=OPSET, tolerance={"logits": 1e-3})},
        "files": {"model.fp32.onnx": classifier(seed).SerializeToString()},
        "golden": {"in.images": given, "fp32.logits": answers(given, seed)},
        "reference": {"rows": 0},
    }
    return write_bundle(folder, **{**wanted, **parts})
