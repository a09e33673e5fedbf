"""Whether graphs, inputs and answers fit the contract that the manifest states."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from slipway.serving.bundle.arrays import Array
from slipway.serving.bundle.contract import Contract, Dimension, Input, Output
from slipway.serving.bundle.graph import Graph, GraphTensor
from slipway.serving.bundle.manifest import CHECKPOINT, GOLDEN, Manifest, VariantPart


def graph_problems(graph: Graph, name: str, part: VariantPart, contract: Contract) -> Iterator[str]:
    """Where a graph's inputs, outputs and opset are not those that were promised."""
    if graph.opset != part.opset:
        yield f"{name} has opset {graph.opset}, the manifest says {part.opset}."
    yield from _tensor_problems(graph.inputs, contract.inputs, f"{name}: the input")
    yield from _tensor_problems(graph.outputs, contract.outputs, f"{name}: the output")


def golden_problems(arrays: Mapping[str, Array], manifest: Manifest) -> Iterator[str]:
    """Where golden inputs and answers are missing, or are not what the contract says."""
    contract = manifest.contract
    expected: dict[str, Input | Output] = {f"in.{one.name}": one for one in contract.inputs}
    answering: list[str] = [*manifest.variants]
    if any(name.startswith(f"{CHECKPOINT}.") for name in arrays):
        answering.append(CHECKPOINT)
    for who in answering:
        expected |= {f"{who}.{one.name}": one for one in contract.outputs}
    if missing := sorted(expected.keys() - arrays.keys()):
        yield f"{GOLDEN} has no `{missing[0]}`."
    if not manifest.lineage.external:
        expected |= {f"{CHECKPOINT}.{one.name}": one for one in contract.outputs}
    if foreign := sorted(arrays.keys() - expected.keys()):
        yield f"{GOLDEN} has `{foreign[0]}`, which the contract does not know."
    sizes: dict[str, int] = {}
    for name in sorted(expected.keys() & arrays.keys()):
        yield from (f"{GOLDEN}: {one}" for one in array_problems(name, arrays[name], expected[name], contract, sizes))


def array_problems(
    name: str, array: Array, promised: Input | Output, contract: Contract, sizes: dict[str, int]
) -> Iterator[str]:
    """Where one array is not of the promised type and dimensions; `sizes` are those of the varying ones so far."""
    if array.dtype != np.dtype(promised.dtype):
        yield f"`{name}` is {array.dtype}, the contract says {promised.dtype}."
    elif array.dtype.kind == "f" and not np.isfinite(array).all():
        yield f"`{name}` holds numbers that are not finite."
    if array.ndim != len(promised.dims):
        yield f"`{name}` has the shape {list(array.shape)}, the contract says {told(promised.dims)}."
        return
    for size, dim in zip(array.shape, promised.dims, strict=True):
        if isinstance(dim, int):
            if size != dim:
                yield f"`{name}` has the shape {list(array.shape)}, the contract says {told(promised.dims)}."
                return
            continue
        span = contract.dims[dim]
        if not span.least <= size <= span.most:
            yield f"`{name}` has {size} in `{dim}`, the contract says {span.least} to {span.most}."
        if sizes.setdefault(dim, size) != size:
            yield f"`{name}` has {size} in `{dim}`, where another array has {sizes[dim]}."


def told(dims: Sequence[Dimension]) -> str:
    """Dimensions as people read them."""
    return f"[{', '.join(map(str, dims))}]"


def _tensor_problems(
    found: Sequence[GraphTensor], promised: Sequence[Input] | Sequence[Output], kind: str
) -> Iterator[str]:
    there = {one.name: one for one in found}
    names = [one.name for one in promised]
    if there.keys() != set(names) or len(found) != len(names):
        said = ", ".join(sorted(one.name for one in found)) or "none"
        yield f"{kind}s are {said}; the contract says {', '.join(sorted(names))}."
        return
    for one in promised:
        graph = there[one.name]
        if graph.dtype != one.dtype or not same_dims(one.dims, graph.dims):
            found_dims = told([dim or "?" for dim in graph.dims])
            yield f"{kind} `{one.name}` is {graph.dtype} {found_dims}; the contract says {one.dtype} {told(one.dims)}."


def same_dims(promised: Sequence[Dimension], found: Sequence[object]) -> bool:
    """Whether a graph's dimensions are the promised ones; a varying one may have any name there."""
    return len(promised) == len(found) and all(
        there == said or (isinstance(said, str) and not isinstance(there, int))
        for said, there in zip(promised, found, strict=True)
    )
