"""What a model file holds, found without the onnx package and without running anything.

`read_graph` walks the whole file, field by field, and refuses what no bundle may ship: files that are no ONNX, weights
that lie elsewhere, operators that ONNX Runtime does not bring itself, functions and training graphs, and graphs made
to exhaust whoever loads them. Its time and memory grow with the file and have an end (`wire.MOST_FIELDS`).
What a loop or a shape computed at run time may cost cannot be seen here; whoever runs a foreign model for the first
time does so in a child process with limits (`runtime.measuring`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from slipway.serving.bundle.errors import BadBundle
from slipway.serving.bundle.message_reader import Message, MessageReader
from slipway.serving.bundle.messages import ELEMENTS
from slipway.serving.bundle.operators import refusal
from slipway.serving.bundle.tensors import checked_count, checked_tensor

MOST_NODES: Final = 100_000
"""Nodes of a model, with those of all its subgraphs."""
DEEPEST: Final = 8
"""Subgraphs within subgraphs, and types within types."""
_STANDARD: Final = ("", "ai.onnx")
_BEGINNINGS: Final = {
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"PK\x03\x04": "a zip archive, as PyTorch writes checkpoints",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "compressed",
    b"\x7fELF": "a program",
    b"version https://git-lfs": "a pointer to a file that was not fetched",
}


@dataclass(frozen=True)
class GraphTensor:
    """An input or an output as the graph has it."""

    name: str
    dtype: str
    dims: tuple[int | str | None, ...]
    """A number, the name of a varying one, or None where nothing is said."""


@dataclass(frozen=True)
class Graph:
    """What a model file holds."""

    ir_version: int
    opset: int
    """That of the standard operators."""
    opsets: Mapping[str, int]
    """Those of all domains that it imports."""
    producer: str
    inputs: tuple[GraphTensor, ...]
    outputs: tuple[GraphTensor, ...]
    operators: Mapping[str, int]
    """How many nodes of each operator, with those of subgraphs."""
    parameters: int
    """Numbers in its weights."""
    metadata: tuple[str, ...]
    """The keys of its own remarks."""

    @property
    def nodes(self) -> int:
        """All nodes."""
        return sum(self.operators.values())


def read_graph(data: bytes, place: str) -> Graph:
    """What the bytes of a model file hold; `place` is its name in messages."""
    for beginning, kind in _BEGINNINGS.items():
        if data.startswith(beginning):
            raise BadBundle(f"{place} is no ONNX model: it is {kind}.", mend="Export the model to ONNX.")
    if not data:
        raise BadBundle(f"{place} is no ONNX model: it is empty.")
    try:
        return _Walk(MessageReader(place)).model(memoryview(data))
    except RecursionError:
        raise BadBundle(f"{place} is nested too deeply.") from None


@dataclass
class _Walk:
    """One way through one file."""

    reader: MessageReader
    operators: Counter[str] = field(default_factory=Counter)
    parameters: int = 0

    def model(self, data: memoryview) -> Graph:
        found = self.reader.read(data, "ModelProto")
        opsets = {one.text("domain"): one.number("version") for one in self._each(found, "opset_import")}
        opset = next((opsets[domain] for domain in _STANDARD if domain in opsets), None)
        graph = found.one("graph")
        if not found.number("ir_version") or opset is None or graph is None:
            raise self.reader.refuse("is no ONNX model: it lacks its version, its graph or the standard operators")
        if found.has("training_info"):
            raise self.reader.refuse("holds a training graph; only inference is shipped")
        if found.has("functions"):
            raise self.reader.refuse(
                "defines operators of its own (local functions); inline them with `onnx.inliner` first"
            )
        self._skim(found, "configuration", "metadata_props")
        inputs, outputs = self._graph(self.reader.read(graph, "GraphProto"), 0)
        return Graph(
            ir_version=found.number("ir_version"),
            opset=opset,
            opsets=dict(sorted(opsets.items())),
            producer=f"{found.text('producer_name')} {found.text('producer_version')}".strip(),
            inputs=inputs,
            outputs=outputs,
            operators=dict(sorted(self.operators.items())),
            parameters=self.parameters,
            metadata=tuple(sorted(one.text("key") for one in self._each(found, "metadata_props"))),
        )

    def _graph(self, graph: Message, depth: int) -> tuple[tuple[GraphTensor, ...], tuple[GraphTensor, ...]]:
        """Everything in a graph or subgraph; its inputs that are no weights, and its outputs."""
        if depth > DEEPEST:
            raise self.reader.refuse(f"has subgraphs more than {DEEPEST} deep")
        named = [self._weight(one) for one in self._each(graph, "initializer")]
        weights = set(named)
        if len(weights) < len(named):
            raise self.reader.refuse("has weights twice under one name")
        for one in self._each(graph, "sparse_initializer"):
            self._sparse(one)
        for node in self._each(graph, "node"):
            self._node(node, depth)
        self._skim(graph, "quantization_annotation", "metadata_props")
        tensors = {
            kind: [self._value(one) for one in self._each(graph, kind)] for kind in ("input", "output", "value_info")
        }
        inputs = tuple(one for one in tensors["input"] if one.name not in weights)
        return inputs, tuple(tensors["output"])

    def _node(self, node: Message, depth: int) -> None:
        domain, operator = node.text("domain"), node.text("op_type")
        if reason := refusal(domain, operator):
            raise self.reader.refuse(reason)
        self.operators[f"{domain}.{operator}" if domain not in _STANDARD else operator] += 1
        if self.operators.total() > MOST_NODES:
            raise self.reader.refuse(f"has more than {MOST_NODES:,} nodes")
        self._skim(node, "metadata_props", "device_configurations")
        for attribute in self._each(node, "attribute"):
            self._attribute(attribute, depth)

    def _attribute(self, attribute: Message, depth: int) -> None:
        for name in ("t", "tensors"):
            for tensor in self._each(attribute, name):
                self._weight(tensor)
        for name in ("sparse_tensor", "sparse_tensors"):
            for tensor in self._each(attribute, name):
                self._sparse(tensor)
        for name in ("g", "graphs"):
            for graph in self._each(attribute, name):
                self._graph(graph, depth + 1)
        for name in ("tp", "type_protos"):
            for kind in self._each(attribute, name):
                self._type(kind, 0)

    def _weight(self, tensor: Message) -> str:
        """Check a tensor's numbers; its name."""
        self._skim(tensor, "metadata_props")
        self.parameters += checked_tensor(tensor, self.reader)
        return tensor.text("name")

    def _sparse(self, sparse: Message) -> None:
        for name in ("values", "indices"):
            for tensor in self._each(sparse, name):
                self._weight(tensor)
        checked_count(sparse.numbers("dims"), self.reader)

    def _value(self, value: Message) -> GraphTensor:
        self._skim(value, "metadata_props")
        kinds = [self._type(kind, 0) for kind in self._each(value, "type")]
        dtype, dims = kinds[0] if kinds else ("unknown", ())
        return GraphTensor(value.text("name"), dtype, dims)

    def _type(self, kind: Message, depth: int) -> tuple[str, tuple[int | str | None, ...]]:
        """What a value is: of a tensor its numbers and dimensions, of anything else the word for it."""
        if depth > DEEPEST:
            raise self.reader.refuse(f"has types more than {DEEPEST} deep")
        self._skim(kind, "opaque_type")
        found: tuple[str, tuple[int | str | None, ...]] = ("unknown", ())
        for name, inner in (("sequence_type", "elem_type"), ("optional_type", "elem_type"), ("map_type", "value_type")):
            for one in self._each(kind, name):
                found = (name.removesuffix("_type"), ())
                for within in self._each(one, inner):
                    self._type(within, depth + 1)
        for name in ("sparse_tensor_type", "tensor_type"):
            for one in self._each(kind, name):
                dims = tuple(dim for shape in self._each(one, "shape") for dim in self._dims(shape))
                word = ELEMENTS.get(one.number("elem_type"), ("unknown", 0))[0]
                found = (word if name == "tensor_type" else "sparse", dims)
        return found

    def _dims(self, shape: Message) -> list[int | str | None]:
        found: list[int | str | None] = []
        for one in self._each(shape, "dim"):
            size = one.number("dim_value") if one.has("dim_value") else None
            found.append(size if size is not None and size >= 0 else one.text("dim_param") or None)
        checked_count([size for size in found if isinstance(size, int)], self.reader)
        return found

    def _each(self, message: Message, name: str) -> Iterator[Message]:
        return self.reader.each(message, name)

    def _skim(self, message: Message, *names: str) -> None:
        """Look at parts that mean nothing here: they are well formed and no deeper than their kind can be."""
        for name in names:
            for one in self.reader.each(message, name):
                self._skim(one, *one.inner())
