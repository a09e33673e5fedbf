"""The proof of a variant on this device: golden answers, latency and memory, in a process that may die of it.

What the gates have judged elsewhere must be true here too, with this runtime, this driver and this processor.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Variant
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.measuring import CALLS, Limits, ask_apart
from slipway.serving.runtime.session import Provider
from slipway.serving.runtime.tensorrt.cache import EngineFile

ROUNDS: Final = 3
"""Of calls, of which the quietest counts: whatever else the device does can only add to it."""


@dataclass(frozen=True)
class Proof:
    """What a variant did on this device."""

    problems: tuple[str, ...]
    """None where it is proven."""
    provider: str
    """What really ran it."""
    runtime: str = ""
    p95_ms: float = 0.0
    memory_mb: float = 0.0
    load_ms: float = 0.0


def prove_apart(
    bundle: Bundle,
    variant: Variant,
    device: DeviceClass,
    provider: Provider,
    *,
    engine: EngineFile | None = None,
    python: Path | None = None,
    limits: Limits | None = None,
) -> Proof:
    """Prove a variant of a verified bundle for a device class; whatever happens to the child, there is an answer.

    With `engine` that is what runs, under `python` where that owns `tensorrt`; else ONNX Runtime with the provider.
    """
    contract, first = bundle.manifest.contract, bundle.manifest.contract.inputs[0].dims[0]
    question = {
        "model": str(bundle.path(variant).absolute()),
        "contract": contract.model_dump(mode="json"),
        "provider": provider,
        "bundle": str(bundle.folder.absolute()),
        "variant": variant,
        "sizes": {first: device.batch} if isinstance(first, str) else {},
        "calls": CALLS,
        "rounds": ROUNDS,
        "latency_ms": device.latency_ms,
    }
    if engine is not None:
        question |= {"engine": str(engine.path.absolute()), "python": _found_from_anywhere(python)}
    try:
        found = ask_apart(bundle.path(variant).name, question, limits or Limits())
    except ModelUnfit as error:
        return Proof((str(error),), provider)
    if "p95_ms" not in found:
        return Proof(tuple(found["problems"]), provider)
    return Proof(
        problems=(*found["problems"], *_beyond(variant, device, found["p95_ms"], found["memory_mb"])),
        provider=found["providers"][0],
        runtime=found["runtime"],
        p95_ms=found["p95_ms"],
        memory_mb=found["memory_mb"],
        load_ms=found["load_ms"],
    )


def _found_from_anywhere(python: Path | None) -> str | None:
    """The child works elsewhere; a bare name is looked for on the path."""
    if python is None or python.parent == Path():
        return str(python) if python else None
    return str(python.absolute())


def _beyond(variant: Variant, device: DeviceClass, p95_ms: float, memory_mb: float) -> Iterator[str]:
    """Where it costs more than its class allows."""
    if p95_ms > device.latency_ms:
        yield f"{variant}: 95 of 100 calls take up to {p95_ms:.1f} ms; {device.latency_ms:g} are allowed."
    if memory_mb > device.memory_mb:
        yield f"{variant}: it takes {memory_mb:.0f} MB; {device.memory_mb:g} are allowed."
