"""A contract's tensors with the range of their sizes, which an engine's optimization profile is made of."""

from collections.abc import Sequence

from slipway.serving.bundle.contract import Contract, Dimension, Input, Output
from slipway.serving.runtime.tensorrt.tensors import Tensor, Tensors


def tensors_of(contract: Contract) -> Tensors:
    """Inputs and outputs, by the contract's dimensions."""
    return Tensors(*(tuple(_tensor(one, contract) for one in kind) for kind in (contract.inputs, contract.outputs)))


def _tensor(one: Input | Output, contract: Contract) -> Tensor:
    shapes = (_sizes(one.dims, contract, which) for which in ("least", "usual", "most"))
    return Tensor(one.name, one.dtype, *shapes)


def _sizes(dims: Sequence[Dimension], contract: Contract, which: str) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else int(getattr(contract.dims[dim], which)) for dim in dims)
