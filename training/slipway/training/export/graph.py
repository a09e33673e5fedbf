"""A network as ONNX: uint8 images in, raw heads out in the contract's order and names, varying dimensions by name.

The bytes are a function of weights and graph alone: names are counted anew in the order of the graph, and where the
exporter writes what it knows of this machine (paths, stacks of calls, versions), nothing stays.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import onnx
import torch
from torch import Tensor, nn

from slipway.serving.bundle.contract import Contract, Dimension
from slipway.training.export.cleaning import cleaned
from slipway.training.export.errors import ExportFailed

OPSET: Final = 20
"""What TensorRT 10.3 and ONNX Runtime 1.23 read, and torch writes by itself; anything else is refused."""
LEAST_EXAMPLE: Final = 2
"""torch takes a dimension of 1 for one that never varies."""


class Heads(nn.Module):
    """The network with its heads in an order, as float32."""

    def __init__(self, network: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self._names = names

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        heads = self.network(images)
        return tuple(heads[name].float() for name in self._names)


def to_onnx(network: nn.Module, contract: Contract) -> onnx.ModelProto:
    """The graph of a network in the state of judging."""
    (given,) = contract.inputs
    names = tuple(one.name for one in contract.outputs)
    example = torch.zeros([_example(dim, contract) for dim in given.dims], dtype=torch.uint8)
    spans = {
        name: torch.export.Dim(name, min=span.least, max=max(span.most, LEAST_EXAMPLE))
        for name, span in contract.dims.items()
    }
    varying = {axis: spans[dim] for axis, dim in enumerate(given.dims) if isinstance(dim, str)}
    with _quiet():
        program = torch.onnx.export(
            Heads(network, names).eval(),
            (example,),
            dynamo=True,
            input_names=[given.name],
            output_names=list(names),
            dynamic_shapes={"images": varying},
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise ExportFailed("torch made no graph of the network.")
    return cleaned(program.model_proto)


def checked(model: onnx.ModelProto, contract: Contract) -> onnx.ModelProto:
    """The model, when its operators, names and dimensions are those that were promised."""
    opsets = {one.domain: one.version for one in model.opset_import}
    if opsets != {"": OPSET}:
        raise ExportFailed(f"The graph has the opsets {opsets}; expected ONNX's own {OPSET} alone.")
    onnx.checker.check_model(model, full_check=True)
    for promised, found in ((contract.inputs, model.graph.input), (contract.outputs, model.graph.output)):
        said = {one.name: tuple(one.dims) for one in promised}
        there = {one.name: _dims(one) for one in found}
        if list(said) != list(there):
            raise ExportFailed(f"The graph has {', '.join(there)}; the contract says {', '.join(said)}.")
        if wrong := next((name for name in said if said[name] != there[name]), None):
            raise ExportFailed(
                f"`{wrong}` is {list(there[wrong])} in the graph; `export` in model.yaml says {list(said[wrong])}.",
                mend="Export a run whose network keeps to the contract, or correct the contract.",
            )
    return model


def _example(dim: Dimension, contract: Contract) -> int:
    return dim if isinstance(dim, int) else max(contract.dims[dim].usual, LEAST_EXAMPLE)


def _dims(value: onnx.ValueInfoProto) -> tuple[Dimension, ...]:
    return tuple(one.dim_param or one.dim_value for one in value.type.tensor_type.shape.dim)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter says of torchvision, and of itself."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
