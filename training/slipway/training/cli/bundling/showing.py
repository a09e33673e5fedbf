"""A bundle as people read it, and as scripts do."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from slipway.serving.bundle.contract import Contract, Input, Output
from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.graph import Graph, read_graph
from slipway.serving.bundle.manifest import Engine, Lineage, Variant

MB: Final = 1_000_000
_DIGITS: Final = 12
_OPERATORS: Final = 6


def graphs(bundle: Bundle) -> dict[Variant, Graph]:
    """What the file of each variant holds."""
    return {
        variant: read_graph(bundle.path(variant).read_bytes(), part.file)
        for variant, part in bundle.manifest.variants.items()
    }


def data(bundle: Bundle) -> dict[str, Any]:
    """For scripts: the manifest, with what the files hold beside it."""
    return {
        "digest": bundle.digest,
        "folder": str(bundle.folder),
        "external": bundle.manifest.lineage.external,
        "manifest": bundle.manifest.model_dump(mode="json"),
        "graphs": graphs_data(bundle),
    }


def graphs_data(bundle: Bundle) -> dict[str, dict[str, Any]]:
    """What the file of each variant holds, in plain values."""
    return {variant: _graph_data(graph) for variant, graph in graphs(bundle).items()}


def _graph_data(graph: Graph) -> dict[str, Any]:
    return {
        "ir_version": graph.ir_version,
        "opsets": dict(graph.opsets),
        "producer": graph.producer,
        "nodes": graph.nodes,
        "parameters": graph.parameters,
        "operators": dict(graph.operators),
        "metadata": list(graph.metadata),
    }


def fields(bundle: Bundle) -> dict[str, str]:
    """What it is, where it came from, what goes in and out, and the devices that it is meant for."""
    manifest = bundle.manifest
    told = {"bundle": bundle.digest, "model": manifest.model, "folder": str(bundle.folder)}
    told |= dict(_lineage(manifest.lineage))
    told |= dict(_contract(manifest.contract))
    for name, device in manifest.devices.items():
        told[f"device {name}"] = (
            f"{device.runtime}, {' > '.join(device.variants)}, batch {device.batch}: at most {device.latency_ms:g} ms, "
            f"{device.memory_mb:g} MB of memory, {device.size_mb:g} MB of file"
        )
    told["made with"] = ", ".join(f"{tool} {version}" for tool, version in manifest.tools.items()) or "unknown tools"
    return told


def variant_rows(bundle: Bundle) -> list[list[str]]:
    """A row for each variant."""
    rows = []
    for variant, graph in graphs(bundle).items():
        part = bundle.manifest.variants[variant]
        most = sorted(graph.operators.items(), key=lambda one: (-one[1], one[0]))[:_OPERATORS]
        calibration = part.calibration
        rows.append(
            [
                variant,
                f"{bundle.manifest.files[part.file].size / MB:.2f} MB",
                str(part.opset),
                f"{graph.parameters:,}",
                f"{graph.nodes} ({', '.join(f'{count} {name}' for name, count in most)})",
                "" if calibration is None else f"{calibration.rows} rows of {calibration.snapshot[:_DIGITS]}",
                _engine(part.engine),
            ]
        )
    return rows


VARIANT_COLUMNS: Final = ("variant", "size", "opset", "parameters", "nodes", "calibrated with", "engine")


def file_rows(bundle: Bundle) -> list[list[str]]:
    """A row for each file."""
    return [[name, f"{file.size:,}", file.sha256] for name, file in bundle.manifest.files.items()]


def _lineage(lineage: Lineage) -> Iterator[tuple[str, str]]:
    if lineage.external:
        yield "lineage", f"external: {lineage.origin}"
    else:
        yield "lineage", f"{lineage.origin}, training {lineage.run_key}"
    for name in ("snapshot", "code", "config", "lock", "weights"):
        if (digest := getattr(lineage, name)) is not None:
            yield name, digest
    if lineage.view:
        yield "view", json.dumps(lineage.view)
    for name, digest in lineage.references.items():
        yield f"reference {name}", digest


def _contract(contract: Contract) -> Iterator[tuple[str, str]]:
    for kind, tensors in (("input", contract.inputs), ("output", contract.outputs)):
        for one in tensors:
            yield f"{kind} {one.name}", _tensor(one)
    for name, span in contract.dims.items():
        yield f"dimension {name}", f"{span.least} to {span.most}, usually {span.usual}"
    for name, value in contract.thresholds.items():
        yield f"threshold {name}", f"{value:g}"


def _tensor(one: Input | Output) -> str:
    told = f"{one.dtype} [{', '.join(map(str, one.dims))}]"
    if isinstance(one, Output):
        return f"{told}: {one.meaning}"
    made: Mapping[str, Any] = one.preprocessing.model_dump()
    return f"{told}: {', '.join(f'{name} {value}' for name, value in made.items())}"


def _engine(engine: Engine | None) -> str:
    if engine is None:
        return "not tried"
    return f"built by {engine.tensorrt}" if engine.built else f"failed: {'; '.join(engine.problems)}"
