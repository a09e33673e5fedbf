"""Several requests in one run: which fit together, one array of their rows, and each one's part of the answer.

A request is never split. One that is alone goes through as it came; the rows of several are copied once, into arrays
that are used again and again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract, Input, Output
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.session import Arrays

Outputs = Mapping[str, npt.NDArray[np.generic]]
Form = tuple[tuple[str, tuple[int, ...]], ...]
MOST_KEPT: Final = 8
"""Arrays that are kept for copying rows into; sizes that vary without end would pile up."""


@dataclass(frozen=True)
class Batchable:
    """How far the requests of a contract can run together."""

    dim: str | None
    """The varying dimension that all inputs and outputs begin with; None where nothing can run together."""
    most: int
    """Rows in one run of several requests."""

    @classmethod
    def of(cls, contract: Contract, limit: int | None = None) -> "Batchable":
        """By the dimensions of a contract, and by what a device class allows."""
        tensors: list[Input | Output] = [*contract.inputs, *contract.outputs]
        first = tensors[0].dims[0]
        shared = isinstance(first, str) and all(one.dims[0] == first and first not in one.dims[1:] for one in tensors)
        if not isinstance(first, str) or not shared:
            return cls(None, 1)
        most = contract.dims[first].most
        return cls(first, most if limit is None else min(most, limit))

    def sizes(self, contract: Contract) -> list[dict[str, int]]:
        """What a session is warmed with: the least and the greatest batch that will come."""
        if self.dim is None:
            return [{}]
        least = contract.dims[self.dim].least
        return [{self.dim: size} for size in sorted({least, max(self.most, least)})]

    def rows(self, inputs: Arrays) -> int:
        """Of one request."""
        return next(iter(inputs.values())).shape[0] if self.dim else 1


def form(inputs: Arrays) -> Form:
    """Requests of the same form have the same sizes but for the first."""
    return tuple((name, inputs[name].shape[1:]) for name in sorted(inputs))


class Buffers:
    """Arrays that rows are copied into; for one thread."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, tuple[int, ...], np.dtype[Any]], npt.NDArray[Any]] = {}

    def joined(self, requests: Sequence[Arrays], rows: int, most: int) -> Arrays:
        """All their rows; of a single request its own arrays. The next call overwrites them."""
        if len(requests) == 1:
            return requests[0]
        return {name: self._rows(name, [one[name] for one in requests], rows, most) for name in requests[0]}

    def _rows(self, name: str, arrays: Sequence[npt.NDArray[Any]], rows: int, most: int) -> npt.NDArray[Any]:
        first = arrays[0]
        key = (name, first.shape[1:], first.dtype)
        kept = self._kept.get(key)
        if kept is None or len(kept) < rows:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            kept = self._kept[key] = np.empty((max(rows, most), *first.shape[1:]), first.dtype)
        found = kept[:rows]
        np.concatenate(arrays, out=found)
        return found


def parts(outputs: Outputs, rows: Sequence[int]) -> Iterator[Outputs]:
    """Each request's rows of the answer, as views."""
    if len(rows) == 1:
        yield outputs
        return
    if short := [name for name, array in outputs.items() if len(array) != sum(rows)]:
        raise ModelUnfit(f"`{short[0]}` has {len(outputs[short[0]])} rows for {sum(rows)} rows of the inputs.")
    start = 0
    for count in rows:
        yield {name: array[start : start + count] for name, array in outputs.items()}
        start += count
