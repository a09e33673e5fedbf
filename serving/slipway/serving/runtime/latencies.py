"""How long a session takes: warmed first, then call by call."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.inputs import seeded_inputs
from slipway.serving.runtime.session import Arrays, Session

WARMING: Final = 3


@dataclass(frozen=True)
class Latencies:
    """What calls took."""

    p50_ms: float
    p95_ms: float
    calls: int


def warm(session: Session, contract: Contract, sizes: Mapping[str, int] | None = None, *, calls: int = WARMING) -> None:
    """Have a session make its first, slow calls, of the sizes that will come."""
    inputs = seeded_inputs(contract, sizes)
    for _ in range(calls):
        session.run(inputs)


def measure(session: Session, inputs: Arrays, calls: int, *, seconds: float = float("inf")) -> Latencies:
    """Call so often, or as often as fits into the seconds, at least once."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < max(calls, 1) and not (taken and time.perf_counter() > end):
        begun = time.perf_counter()
        session.run(inputs)
        taken.append((time.perf_counter() - begun) * 1000)
    p50, p95 = np.percentile(taken, [50, 95])
    return Latencies(p50_ms=float(p50), p95_ms=float(p95), calls=len(taken))
