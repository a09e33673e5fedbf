"""The proof of a variant on this device: golden answers, latency and memory, in a process that may die of it.

What the gates have judged elsewhere must be true here too, with this runtime, this driver and this processor. Whether
it costs more than its class allows is the agent's to judge.
"""

import errno
from pathlib import Path
from typing import Final

from slipway.serving.bundle.folder import Bundle
from slipway.serving.bundle.manifest import DeviceClass, Variant
from slipway.serving.runtime.errors import Killed, ModelUnfit
from slipway.serving.runtime.measuring import CALLS, Limits, ask_apart
from slipway.serving.runtime.proven import Proof
from slipway.serving.runtime.session import Provider
from slipway.serving.runtime.tensorrt.cache import EngineFile

ROUNDS: Final = 3
"""Of calls, of which the quietest counts: whatever else the device does can only add to it."""


def prove_apart(  # noqa: PLR0913 - all that a proof depends on, by name
    bundle: Bundle,
    variant: Variant,
    device: DeviceClass,
    provider: Provider,
    *,
    engine: EngineFile | None = None,
    python: Path | None = None,
    threads: int = 1,
    limits: Limits | None = None,
) -> Proof:
    """Prove a variant of a verified bundle for a device class; whatever it does to the child, there is an answer.

    `OSError` where somebody else ended the child or the disk is full: that says nothing of the model.

    With `engine` that is what runs, under `python` where that owns `tensorrt`; else ONNX Runtime with the provider and
    so many threads. Rounds end with the first that is within the class's latency.
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
        found = ask_apart(bundle.path(variant).name, question, limits or Limits(), threads)
    except Killed as error:
        raise OSError(errno.EINTR, str(error)) from None
    except ModelUnfit as error:
        return Proof((str(error),), provider)
    if "p95_ms" not in found:
        return Proof(tuple(found["problems"]), provider)
    return Proof(
        problems=tuple(found["problems"]),
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
