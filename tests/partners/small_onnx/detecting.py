"""A detector and an embedder that nobody trained: what is red, green or blue is found, and told apart by colours."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, VariantPart
from slipway.serving.bundle.writing import write_bundle
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.session import open_session
from small_onnx import LINEAGE, OPSET

PLACE = 8
"""Pixels of one place of the map."""
SIZE = 32
CROP = 8
DEVICES = {"edge-cpu": DeviceClass(variants=("fp32",), batch=4, latency_ms=50, memory_mb=200, size_mb=4)}


def detector(folder: Path, *, size: int = SIZE, gain: float = 1.0) -> Bundle:
    """How much of each colour is in each place, and the place as a box; `gain` makes another bundle of it."""
    places = size // PLACE
    down, across = np.mgrid[:places, :places] * PLACE
    grid = np.stack([across, down, across + PLACE, down + PLACE])[None].astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("AveragePool", ["pixels"], ["means"], kernel_shape=[PLACE] * 2, strides=[PLACE] * 2),
        helper.make_node("Mul", ["means", "gain"], ["peaks"]),
        helper.make_node("ReduceMean", ["peaks", "colours"], ["grey"], keepdims=1),
        helper.make_node("Mul", ["grey", "nothing"], ["none"]),
        helper.make_node("Add", ["none", "grid"], ["boxes"]),
    ]
    constants = {
        "gain": np.array(gain / 255, np.float32), "colours": np.array([1]), "nothing": np.array(0, np.float32),
        "grid": grid,
    }  # fmt: skip
    dims = {"peaks": ["batch", 3, places, places], "boxes": ["batch", 4, places, places]}
    meanings = {
        "peaks": "How much of it is there; categories are red, green, blue.",
        "boxes": "Left, top, right, bottom.",
    }
    contract = _contract(size, dims, meanings, {"colour": 0.6}, {})
    return _written(folder, "small-detect", nodes, constants, contract)


def embedder(folder: Path, *, gain: float = 1.0) -> Bundle:
    """The mean colours of the four quarters of a box."""
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("AveragePool", ["pixels"], ["means"], kernel_shape=[CROP // 2] * 2, strides=[CROP // 2] * 2),
        helper.make_node("Mul", ["means", "gain"], ["shares"]),
        helper.make_node("Flatten", ["shares"], ["embedding"]),
    ]
    contract = _contract(
        CROP, {"embedding": ["batch", 12]}, {"embedding": "Mean colours."}, {}, {"crop": "box", "margin": 0.1}
    )
    return _written(folder, "small-embed", nodes, {"gain": np.array(gain / 255, np.float32)}, contract)


def loaded(bundle: Bundle, release: int | None = None) -> LoadedModel:
    """Ready to answer."""
    manifest = bundle.manifest
    session = open_session(bundle.path("fp32"), manifest.contract)
    return LoadedModel(manifest.model, bundle.digest, release, "fp32", manifest.contract, session)


def scene(*boxes: tuple[int, int, int, int, int], size: int = SIZE) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """A grey picture with coloured boxes: left, top, right, bottom, and which of the three colours."""
    picture: np.ndarray[Any, np.dtype[np.uint8]] = np.full((size, size, 3), 60, np.uint8)
    for left, top, right, bottom, colour in boxes:
        picture[top:bottom, left:right] = 20
        picture[top:bottom, left:right, colour] = 240
    return picture


def _contract(
    size: int, dims: dict[str, list[Any]], meanings: dict[str, str], thresholds: dict[str, float], how: dict[str, Any]
) -> Contract:
    return Contract.model_validate(
        {
            "inputs": [{"name": "images", "dims": ["batch", 3, size, size], "preprocessing": how}],
            "outputs": [{"name": name, "dims": one, "meaning": meanings[name]} for name, one in dims.items()],
            "dims": {"batch": {"least": 1, "usual": 1, "most": 4}},
            "thresholds": thresholds,
        }
    )


def _written(
    folder: Path, model: str, nodes: list[onnx.NodeProto], constants: dict[str, Any], contract: Contract
) -> Bundle:
    size = int(contract.inputs[0].dims[-1])
    graph = helper.make_graph(
        nodes,
        model,
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 3, size, size])],
        [helper.make_tensor_value_info(one.name, TensorProto.FLOAT, list(one.dims)) for one in contract.outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    given = np.random.default_rng(7).integers(0, 256, (2, 3, size, size), np.uint8)
    file = folder.with_name(f"{folder.name}.onnx")
    folder.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(made.SerializeToString())
    golden = {f"fp32.{name}": array for name, array in open_session(file, contract).run({"images": given}).items()}
    return write_bundle(
        folder,
        model=model,
        lineage=LINEAGE,
        contract=contract,
        devices=DEVICES,
        variants={"fp32": VariantPart(file="model.fp32.onnx", opset=OPSET, tolerance=dict.fromkeys(
            (one.name for one in contract.outputs), 1e-3))},
        files={"model.fp32.onnx": made.SerializeToString()},
        golden={"in.images": given, **golden},
        reference={"rows": 0},
    )  # fmt: skip
