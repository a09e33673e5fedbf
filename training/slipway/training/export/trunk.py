"""Which part of a graph may be computed with few bits: everything up to the last layers with weights.

What stands behind them decodes: it makes boxes of distances, peaks of scores, vectors of length 1. That costs no time
and wants all bits, in every model; so the rule knows no model.
"""

from collections.abc import Sequence
from typing import Final

import onnx

LAYERS: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Operators that multiply by weights."""


def trunk(nodes: Sequence[onnx.NodeProto]) -> frozenset[int]:
    """The places of the nodes that a layer with weights is, or is computed from."""
    found: set[int] = set()
    wanted: set[str] = set()
    for place in range(len(nodes) - 1, -1, -1):
        node = nodes[place]
        if node.op_type in LAYERS or wanted.intersection(node.output):
            found.add(place)
            wanted.update(node.input)
    return frozenset(found)
