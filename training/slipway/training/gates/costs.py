"""What a variant costs on the device classes that this machine can stand for: those that run on a processor.

Each is measured in a process of its own that loads the device's runtime alone, three times; the quietest of them
counts, because whatever else the machine does can only add to it. Where even that one was disturbed, its slow calls far
from its usual ones, a few more are made.
"""

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from slipway.serving.bundle.contract import Contract
from slipway.serving.bundle.folder import Bundle
from slipway.serving.errors import SlipwayError
from slipway.serving.runtime.measuring import Measured, measure_apart
from slipway.training.gates.records import Asked, Cost

Telling = Callable[[str], Callable[[int, int], None]]
ROUNDS: Final = 3
MOST_ROUNDS: Final = 8
DISTURBED: Final = 3.0
"""So many times its usual call the slow ones of a round take when something else had the processor."""
CPU: Final = Path("/proc/cpuinfo")


def measured(
    bundle: Bundle, asked: Asked, unfit: dict[str, str], telling: Telling
) -> tuple[tuple[Cost, ...], dict[str, str]]:
    """The costs of every variant of every processor class, and of which machine; what does not run is unfit."""
    contract, found = bundle.manifest.contract, []
    machine = {"cpu": _processor(), "system": platform.machine()}
    for name, device in asked.devices.items():
        for variant in device.variants if device.runtime == "cpu" else ():
            if variant in unfit or variant not in bundle.manifest.variants:
                continue
            sizes = sizes_of(contract, device.batch)
            try:
                best = _quietest(bundle.path(variant), contract, sizes, telling(f"measure {variant}"))
            except SlipwayError as error:
                unfit[variant] = str(error)
                continue
            machine["runtime"] = best.runtime
            found.append(
                Cost(
                    device=name,
                    variant=variant,
                    batch=device.batch,
                    calls=best.calls,
                    p50_ms=best.p50_ms,
                    p95_ms=best.p95_ms,
                    memory_mb=best.memory_mb,
                )
            )
    return tuple(found), machine


def sizes_of(contract: Contract, batch: int) -> dict[str, int]:
    """The batch of a device class, by the name that the contract gives it."""
    first = contract.inputs[0].dims[0]
    return {first: batch} if isinstance(first, str) else {}


def _quietest(model: Path, contract: Contract, sizes: Mapping[str, int], tell: Callable[[int, int], None]) -> Measured:
    best = measure_apart(model, contract, sizes=sizes)
    number = 1
    while number < ROUNDS or (number < MOST_ROUNDS and best.p95_ms > DISTURBED * best.p50_ms):
        tell(number, max(ROUNDS, number + 1))
        best = min(best, measure_apart(model, contract, sizes=sizes), key=lambda one: one.p95_ms)
        number += 1
    tell(number, number)
    return best


def _processor() -> str:
    try:
        lines = CPU.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "CPU part")))
    return next(named, "") or platform.processor() or "this machine"
