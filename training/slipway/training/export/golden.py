"""Golden inputs and answers, by which a device knows that what it runs is what was exported.

The tolerances follow from the variant and the answers' size: another runtime may add up in another order (fp32), round
halves elsewhere (fp16), or requantise by one step (INT8), which is as much as the INT8 answers differ from the
checkpoint's anyway.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.manifest import Variant
from slipway.training.export.network import Answers

MOST_ROWS: Final = 8
LEAST: Final = 1e-5
SHARES: Final[Mapping[Variant, float]] = {"fp32": 1e-4, "fp16": 1e-2, "int8-cpu": 2e-2, "int8-trt": 2e-2}
"""Of the greatest answer of an output."""
MEASURED: Final = frozenset({"fp16", "int8-cpu", "int8-trt"})
"""Variants that round: where they are further from the checkpoint than that, so may a device be from them."""
DIGITS: Final = 3


def tolerances(variant: Variant, found: Answers, checkpoint: Answers) -> dict[str, float]:
    """How far a device's answers may be from these, by output."""
    told = {}
    for name, answer in found.items():
        allowed = max(LEAST, SHARES[variant] * float(np.abs(answer).max(initial=0.0)))
        if variant in MEASURED:
            allowed = max(allowed, difference(answer, checkpoint[name]))
        told[name] = _rounded_up(allowed)
    return told


def difference(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """The greatest."""
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0.0))


def _rounded_up(value: float) -> float:
    """Few digits, so that it is no noise of this machine, and never less."""
    step = 10.0 ** (np.floor(np.log10(value)) + 1 - DIGITS)
    return float(f"{np.ceil(value / step) * step:.{DIGITS}g}")
