"""A bundle of bay-occupancy that nobody trained: a few operators that see whether something stands in the middle.

Its INT8 variant is broken on purpose: in the dark it says the opposite.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.platform.models.finder import model_named
from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Lineage, Variant, VariantPart
from slipway.serving.bundle.writing import write_bundle
from slipway.serving.runtime.session import open_session

MODEL = "bay-occupancy"
OPSET = 20
PARTS = {"middle": (16, 48), "left": (0, 16), "right": (48, 64)}
"""Columns that are looked at."""
DARK = 60.0
"""Pictures with a lower mean are those of the night."""


def make_bundle(folder: Path) -> Bundle:
    """The bundle, from a vendor who never was."""
    declared = model_named(MODEL).declaration
    contract = Contract.model_validate(declared.export.model_dump(mode="json"))
    device = DeviceClass.model_validate(declared.devices["edge-cpu"].model_dump(mode="json"))
    graphs: dict[Variant, bytes] = {"fp32": graph(), "int8-cpu": graph(broken=True)}
    files = {f"model.{name}.onnx": data for name, data in graphs.items()}
    golden = {"in.images": np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64), np.uint8)}
    for name, data in graphs.items():
        path = folder.with_name(f"{name}.onnx")
        path.write_bytes(data)
        session = open_session(path, contract)
        answers: Any = session.run({"images": golden["in.images"]})
        golden[f"{name}.logits"] = answers["logits"]
    return write_bundle(
        folder,
        model=MODEL,
        lineage=Lineage(origin="a vendor"),
        contract=contract,
        devices={"edge-cpu": device},
        variants={name: VariantPart(file=f"model.{name}.onnx", opset=OPSET) for name in graphs},
        files=files,
        golden=golden,
        reference={},
    )


def graph(*, broken: bool = False) -> bytes:
    """How far the middle is from the mean, less how far both sides are."""
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "all"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["pixels", "mean"], ["centred"]),
        helper.make_node("Abs", ["centred"], ["apart"]),
        *(node for name in PARTS for node in _mean_of(name)),
        helper.make_node("Add", ["left", "right"], ["both"]),
        helper.make_node("Mul", ["both", "half"], ["sides"]),
        helper.make_node("Sub", ["middle", "sides"], ["more"]),
        helper.make_node("Mul", ["more", "sign" if broken else "one"], ["said"]),
        helper.make_node("Neg", ["said"], ["free"]),
        helper.make_node("Concat", ["free", "said"], ["both_states"], axis=1),
        helper.make_node("Flatten", ["both_states"], ["logits"], axis=1),
    ]
    if broken:
        nodes[2:2] = [
            helper.make_node("Less", ["mean", "dark"], ["is_night"]),
            helper.make_node("Where", ["is_night", "minus", "one"], ["sign"]),
        ]
    numbers = {"half": 0.5, "one": 1.0, "minus": -1.0, "dark": DARK}
    constants = [numpy_helper.from_array(np.array([value], np.float32), name) for name, value in numbers.items()]
    constants.append(numpy_helper.from_array(np.array([1, 2, 3], np.int64), "all"))
    constants.append(numpy_helper.from_array(np.array([2, 3], np.int64), "plane"))
    for name, (left, right) in PARTS.items():
        constants.append(numpy_helper.from_array(np.array([20, left], np.int64), f"{name}_begin"))
        constants.append(numpy_helper.from_array(np.array([46, right], np.int64), f"{name}_end"))
    made = helper.make_graph(
        nodes,
        MODEL,
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 3, 64, 64])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        constants if broken else [one for one in constants if one.name not in {"minus", "dark"}],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _mean_of(name: str) -> list[Any]:
    """The mean over some columns of the middle rows, in all colours."""
    return [
        helper.make_node("Slice", ["apart", f"{name}_begin", f"{name}_end", "plane"], [f"{name}_part"]),
        helper.make_node("ReduceMean", [f"{name}_part", "all"], [name], keepdims=1),
    ]
