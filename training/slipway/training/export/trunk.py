"""Which part of a graph may be computed with few bits. The rules know operators and places, and no model.

What stands behind the last layers with weights decodes: it makes boxes of distances, peaks of scores, vectors of length
1. That costs no time and wants all bits, so it is never touched. The first layer sees pixels and the last ones decide;
both are small, and lose the most with 8 bits, so INT8 is for what lies between.
"""

from collections.abc import Sequence
from typing import Final

import onnx

LAYERS: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Operators that multiply by weights."""

Nodes = Sequence[onnx.NodeProto]
Places = frozenset[int]


def trunk(nodes: Nodes) -> Places:
    """The places of the layers, and of everything that one of them is computed from."""
    return _leading_to(nodes, _layers(nodes))


def middle(nodes: Nodes) -> Places:
    """The trunk without the first layers and without the last, and what lies between those and the ones before."""
    layers = _layers(nodes)
    first = {place for place in layers if not _leading_to(nodes, {place}) & layers - {place}}
    last = {place for place in layers if not any(place in _leading_to(nodes, {other}) for other in layers - {place})}
    return _leading_to(nodes, layers - last) - first


def _layers(nodes: Nodes) -> Places:
    return frozenset(place for place, node in enumerate(nodes) if node.op_type in LAYERS)


def _leading_to(nodes: Nodes, ends: "Places | set[int]") -> Places:
    """These nodes, and those that they are computed from."""
    found: set[int] = set()
    wanted: set[str] = set()
    for place in range(len(nodes) - 1, -1, -1):
        if place in ends or wanted.intersection(nodes[place].output):
            found.add(place)
            wanted.update(nodes[place].input)
    return frozenset(found)
