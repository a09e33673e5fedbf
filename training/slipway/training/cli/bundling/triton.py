"""A bundle as a model repository of Triton: a model for each variant, with what its contract says.

    <model>-<variant>/config.pbtxt      <model>-<variant>/labels.<output>.txt      <model>-<variant>/1/model.onnx

Triton runs them with ONNX Runtime, where TensorRT is meant through its accelerator, so the files are those that were
gated.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.serving.bundle.contract import Contract, Dimension, Input, Output
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import Variant

VERSION: Final = "1"
"""Triton's number of a version; which one of ours it is, the digest in `parameters` says."""
TYPES: Final[Mapping[str, str]] = {
    "uint8": "TYPE_UINT8",
    "int8": "TYPE_INT8",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float16": "TYPE_FP16",
    "float32": "TYPE_FP32",
}
_VARIES: Final = -1


def repository(bundle: Bundle) -> dict[str, bytes]:
    """Every file of the repository by its path in it."""
    found: dict[str, bytes] = {}
    for variant in bundle.manifest.variants:
        name = f"{bundle.manifest.model}-{variant}"
        found[f"{name}/config.pbtxt"] = config(bundle, variant).encode()
        found[f"{name}/{VERSION}/model.onnx"] = bundle.path(variant).read_bytes()
        for one in bundle.manifest.contract.outputs:
            if one.labels:
                found[f"{name}/{_labels(one)}"] = "".join(f"{label}\n" for label in one.labels).encode()
    return found


def write_repository(files: Mapping[str, bytes], folder: Path) -> None:
    """Write them; what is there with the same content stays, with another is refused before anything is written."""
    for name, content in files.items():
        path = folder / name
        if path.exists() and (not path.is_file() or path.read_bytes() != content):
            raise WrongUse(f"{path} is there and is something else.", mend="Name another folder, or remove that one.")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            part = path.with_name(f".{path.name}.part")
            part.write_bytes(content)
            part.replace(path)


def config(bundle: Bundle, variant: Variant) -> str:
    """The `config.pbtxt` of one variant."""
    contract = bundle.manifest.contract
    batch = batch_dimension(contract)
    span = contract.dims[batch] if batch is not None else None
    lines = [
        f'name: "{bundle.manifest.model}-{variant}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {span.most if span is not None else 0}",
        *_tensors("input", contract.inputs, batch),
        *_tensors("output", contract.outputs, batch),
    ]
    if span is not None and span.most > 1:
        lines.append(f"dynamic_batching {{ preferred_batch_size: [ {span.usual} ] }}")
    lines += _placed(bundle, variant)
    lines.append(f'parameters {{ key: "slipway_bundle" value {{ string_value: "{bundle.digest}" }} }}')
    return "\n".join(lines) + "\n"


def batch_dimension(contract: Contract) -> str | None:
    """The varying dimension that comes first in every tensor and nowhere else: what Triton calls the batch."""
    tensors: list[Input | Output] = [*contract.inputs, *contract.outputs]
    first = tensors[0].dims[0]
    if isinstance(first, str) and all(one.dims[0] == first and first not in one.dims[1:] for one in tensors):
        return first if contract.dims[first].least == 1 else None
    return None


def _tensors(kind: str, tensors: Sequence[Input] | Sequence[Output], batch: str | None) -> Iterator[str]:
    for one in tensors:
        dims = one.dims[1:] if batch is not None else one.dims
        told = ", ".join(_dimension(dim) for dim in dims)
        yield f"{kind} {{"
        yield f'  name: "{one.name}"'
        yield f"  data_type: {TYPES[one.dtype]}"
        if not dims:  # Triton wants a dimension; the reshape says that there is none
            yield "  dims: [ 1 ]"
            yield "  reshape { shape: [ ] }"
        else:
            yield f"  dims: [ {told} ]"
        if isinstance(one, Output) and one.labels:
            yield f'  label_filename: "{_labels(one)}"'
        yield "}"


def _dimension(dim: Dimension) -> str:
    return str(dim if isinstance(dim, int) else _VARIES)


def _placed(bundle: Bundle, variant: Variant) -> Iterator[str]:
    """Where it runs: as the device classes that ask for this variant do."""
    runtimes = {device.runtime for device in bundle.manifest.devices.values() if variant in device.variants}
    kind = "KIND_CPU" if runtimes <= {"cpu"} else "KIND_GPU"
    yield f"instance_group {{ count: 1 kind: {kind} }}"
    if "tensorrt" in runtimes:
        yield 'optimization { execution_accelerators { gpu_execution_accelerator { name: "tensorrt" } } }'


def _labels(one: Output) -> str:
    return f"labels.{one.name}.txt"
