"""Nothing in a graph but the graph: no paths, stacks, versions or comments, and names that count in the graph's order.

Weights keep the names that the network's modules give them; everything between is named by its operator and its place.
"""

from collections.abc import Iterator
from typing import Any, Final

import onnx

from slipway.training.export.errors import ExportFailed

PRODUCER: Final = "slipway"
WRAPPED: Final = "network."
"""Begins the weights' names in the exported module."""


def cleaned(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with nothing else in it."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    if found.functions:
        raise ExportFailed("The graph has functions of its own; expected ONNX's operators alone.")
    _lift_constants(found.graph)
    _drop_unused(found.graph)
    _rename(found.graph)
    del found.graph.value_info[:]
    _drop_unused_domains(found)
    for part in _parts(found):
        part.ClearField("doc_string")
        if "metadata_props" in part.DESCRIPTOR.fields_by_name:
            part.ClearField("metadata_props")
    found.producer_name, found.producer_version = PRODUCER, ""
    found.domain, found.model_version = "", 0
    found.graph.name = "network"
    return found


def to_bytes(model: onnx.ModelProto) -> bytes:
    """One way of writing it."""
    return bytes(model.SerializeToString(deterministic=True))


def _parts(model: onnx.ModelProto) -> Iterator[Any]:
    graph = model.graph
    yield from (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output)


def _lift_constants(graph: onnx.GraphProto) -> None:
    """Constants that are nodes become initializers, which is what everything else reads."""
    kept = []
    for node in graph.node:
        value = next((one for one in node.attribute if one.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            graph.initializer.add().CopyFrom(value.t)
            graph.initializer[-1].name = node.output[0]
        else:
            kept.append(node)
    if len(kept) < len(graph.node):
        copies = [_copied(node) for node in kept]
        del graph.node[:]
        graph.node.extend(copies)


def _copied(node: onnx.NodeProto) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input} | {one.name for one in graph.output}
    kept = [one for one in graph.initializer if one.name in used]
    places = {name: place for place, name in enumerate(name for node in graph.node for name in node.input)}
    copies = sorted(kept, key=lambda one: places.get(one.name, -1))
    copies = [onnx.TensorProto.FromString(one.SerializeToString()) for one in copies]
    del graph.initializer[:]
    graph.initializer.extend(copies)


def _drop_unused_domains(model: onnx.ModelProto) -> None:
    """Domains that tools import in case somebody used them."""
    used = {"", *(node.domain for node in model.graph.node)}
    kept = [(one.domain, one.version) for one in model.opset_import if one.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in sorted(kept))


def _rename(graph: onnx.GraphProto) -> None:
    """Count everything anew."""
    if any(attribute.HasField("g") or attribute.graphs for node in graph.node for attribute in node.attribute):
        raise ExportFailed("The graph has branches or loops, which engines take badly; expected one straight graph.")
    fixed = {one.name for one in (*graph.input, *graph.output)}
    names = {name: name for name in fixed}
    for place, tensor in enumerate(graph.initializer):
        plain = tensor.name.removeprefix(WRAPPED)
        names.setdefault(tensor.name, plain if "." in plain else f"constant_{place}")
        tensor.name = names[tensor.name]
    for place, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{place}"
        for index, name in enumerate(node.output):
            if name:
                names.setdefault(name, f"value_{place}" if index == 0 else f"value_{place}_{index}")
    for node in graph.node:
        node.input[:] = [names[name] if name else "" for name in node.input]
        node.output[:] = [names[name] if name else "" for name in node.output]
