"""The fp16 variant: weights and computation of the trunk in float16, uint8 in and float32 out.

Every type stands in the graph, so a strongly typed TensorRT network computes what is written here, and ONNX Runtime
does the same.
"""

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.training.export.cleaning import cleaned
from slipway.training.export.errors import ExportFailed
from slipway.training.export.trunk import trunk

STAY: Final = {"Resize": (1, 2)}
"""Inputs that ONNX wants as float32 whatever the others are."""


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its trunk in float16."""
    return cleaned(_Halving(model).done())


class _Halving:
    """One model."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = onnx.ModelProto()
        self._model.CopyFrom(onnx.shape_inference.infer_shapes(model))
        graph = self._model.graph
        self._trunk = trunk(graph.node)
        self._tensors = {one.name: one for one in graph.initializer}
        self._floats = self._float_values()
        self._halves: dict[str, str] = {}
        """By the name of a value or a weight, that of the same in float16."""
        self._nodes: list[onnx.NodeProto] = []

    def done(self) -> onnx.ModelProto:
        """Walk through the nodes, and put casts where the trunk begins and ends."""
        graph = self._model.graph
        for place, node in enumerate(graph.node):
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            if place in self._trunk:
                self._halve(copy)
            else:
                self._nodes.append(copy)
        del graph.node[:]
        graph.node.extend(self._nodes)
        del graph.value_info[:]
        return self._model

    def _halve(self, node: onnx.NodeProto) -> None:
        stay = STAY.get(node.op_type, ())
        inputs = [name if place in stay else self._half_of(name) for place, name in enumerate(node.input)]
        node.input[:] = inputs
        if node.op_type == "Cast":
            self._retarget(node)
        casts = []
        for place, name in enumerate(node.output):
            if name in self._floats:
                node.output[place] = self._halves[name] = f"{name}.half"
                casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
        self._nodes.append(node)
        self._nodes += [cast for cast in casts if self._is_wanted(cast.output[0])]

    def _half_of(self, name: str) -> str:
        """What the trunk reads in place of this."""
        if name in self._halves or name not in self._floats:
            return self._halves.get(name, name)
        half = self._halves[name] = f"{name}.half"
        if tensor := self._tensors.get(name):
            self._model.graph.initializer.append(_half_tensor(tensor, name))
        else:
            self._nodes.append(helper.make_node("Cast", [name], [half], to=TensorProto.FLOAT16))
        return half

    def _retarget(self, cast: onnx.NodeProto) -> None:
        for attribute in cast.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16

    def _is_wanted(self, name: str) -> bool:
        """Whether anybody behind the trunk reads the value as float32."""
        graph = self._model.graph
        behind = (node for place, node in enumerate(graph.node) if place not in self._trunk)
        return any(name in node.input for node in behind) or any(name == one.name for one in graph.output)

    def _float_values(self) -> frozenset[str]:
        graph = self._model.graph
        values = (*graph.value_info, *graph.input, *graph.output)
        named = {one.name for one in values if one.type.tensor_type.elem_type == TensorProto.FLOAT}
        return frozenset(named | {one.name for one in graph.initializer if one.data_type == TensorProto.FLOAT})


def _half_tensor(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    found = numpy_helper.to_array(tensor)
    if not np.isfinite(found).all() or np.abs(found).max(initial=0.0) > np.finfo(np.float16).max:
        raise ExportFailed(
            f"`{name}` has numbers that float16 cannot hold.",
            mend="Leave `fp16` out of the model's devices, or train with more weight decay.",
        )
    return numpy_helper.from_array(found.astype(np.float16), f"{name}.half")
