"""What a model may be given: arrays that keep to its contract, and made-up ones to warm it and to measure it."""

import hashlib
import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract, Input
from slipway.serving.bundle.fitting import array_problems
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.session import Arrays

SEED: Final = 20_240
BATCH: Final = "batch"


def check_inputs(contract: Contract, inputs: Arrays) -> None:
    """Refuse what the contract does not allow, naming the first thing that is wrong."""
    names = [one.name for one in contract.inputs]
    if inputs.keys() != set(names):
        raise WrongUse(f"The inputs are {', '.join(sorted(inputs)) or 'none'}; the contract says {', '.join(names)}.")
    sizes: dict[str, int] = {}
    for one in contract.inputs:
        for problem in array_problems(one.name, inputs[one.name], one, contract, sizes):
            raise WrongUse(problem)


def seeded_inputs(contract: Contract, sizes: Mapping[str, int] | None = None, *, seed: int = SEED) -> Arrays:
    """Inputs that are the same each time: noise in the range of pixels, or of 0 to 1.

    Varying dimensions have their usual size, or that in `sizes`.
    """
    chosen = {name: span.usual for name, span in contract.dims.items()} | dict(sizes or {})
    found = {one.name: _noise(seed, one, chosen) for one in contract.inputs}
    check_inputs(contract, found)
    return found


def _noise(seed: int, one: Input, sizes: Mapping[str, int]) -> npt.NDArray[np.generic]:
    """From a hash, which is loaded anyway; numpy's generators cost an idle device two megabytes."""
    shape = tuple(dim if isinstance(dim, int) else sizes[dim] for dim in one.dims)
    width = np.dtype(np.uint32 if one.dtype.startswith("float") else np.uint8)
    data = hashlib.shake_128(f"{seed} {one.name}".encode()).digest(math.prod(shape) * width.itemsize)
    drawn = np.frombuffer(data, width).reshape(shape)
    if one.dtype == "uint8":
        found = drawn.copy()
    elif one.dtype.startswith("int"):
        found = np.remainder(drawn, 2)
    else:
        found = np.divide(drawn, 2**32)
    noise: npt.NDArray[np.generic] = found.astype(one.dtype)
    return noise
