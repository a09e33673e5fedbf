"""Whether two models say the same of one row, as those who use their answers would see it, and in which slices it lies.

A classifier's answer differs when another category is said, a detector's when a box of the one has no counterpart of
the same category in the other, each by its own contract's thresholds. Vectors differ when they point elsewhere: their
cosine is below the contract's threshold `cosine`, or below a usual one. So does whatever else a model says.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.serving.bundle.contract import Contract
from slipway.serving.edge.streams.answers import HALF, Found, Kind, answer_of, boxes_of, kind_of, vector_of
from slipway.serving.edge.streams.rules import COSINE
from slipway.serving.edge.telemetry.distributions import IMAGE_DIMS
from slipway.serving.errors import WrongUse
from slipway.serving.runtime.pictures import Placement
from slipway.serving.runtime.session import Arrays

ALIKE: Final = 0.95
"""The usual least cosine of two vectors that say the same."""
DARK: Final = 64.0
"""A picture whose mean is below, of 255, is dark."""


class Comparing:
    """Of two models with the same inputs: what answers, and what runs beside it."""

    def __init__(self, answers: Contract, beside: Contract) -> None:
        self._contracts = (answers, beside)
        kinds = {_kind(one) for one in self._contracts}
        self._kind: Kind | None = kinds.pop() if len(kinds) == 1 else None
        self._least = beside.thresholds.get(COSINE, ALIKE)

    def differs(self, answered: Arrays, beside: Arrays, row: int, size: tuple[int, int]) -> bool:
        """Whether the two say something else of a row; `size` is that of its picture, height first."""
        one, other = self._contracts
        if self._kind == "classifier":
            return answer_of(answered, row, one).answer != answer_of(beside, row, other).answer
        if self._kind == "detector":
            place = Placement(size, size, 0, 0)
            return not _counterparts(boxes_of(answered, row, one, place), boxes_of(beside, row, other, place))
        if self._kind == "vector":
            return self._apart(vector_of(answered, row, one), vector_of(beside, row, other))
        return answered.keys() != beside.keys() or any(
            self._apart(answered[name][row], beside[name][row]) for name in answered
        )

    def _apart(self, one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> bool:
        if one.shape != other.shape:
            return True
        first, second = one.reshape(-1).astype(np.float64), other.reshape(-1).astype(np.float64)
        lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
        if lengths <= 0:
            return not np.array_equal(first, second)
        return not float(first @ second) / lengths >= self._least  # no number is no likeness


def slices_of(inputs: Arrays, row: int) -> Iterator[str]:
    """The slices that a row lies in, as far as its input tells: how bright the picture is."""
    for images in inputs.values():
        if images.ndim == IMAGE_DIMS and images.dtype == np.uint8:
            yield "dark" if float(images[row].mean()) < DARK else "bright"
            return


def size_of(inputs: Arrays) -> tuple[int, int]:
    """Height and width of the pictures; nothing where there are none."""
    shapes = [one.shape[2:] for one in inputs.values() if one.ndim == IMAGE_DIMS]
    return (int(shapes[0][0]), int(shapes[0][1])) if shapes else (0, 0)


def _kind(contract: Contract) -> Kind | None:
    try:
        return kind_of(contract)
    except WrongUse:
        return None


def _counterparts(one: list[Found], other: list[Found]) -> bool:
    """Whether each box of the one has a box of its own in the other, of the same category at the same place."""
    if len(one) != len(other):
        return False
    left = list(other)
    for found in one:
        near = [box for box in left if box.category == found.category and _shared(box, found) >= HALF]
        if not near:
            return False
        left.remove(max(near, key=lambda box: _shared(box, found)))
    return True


def _shared(one: Found, other: Found) -> float:
    """Intersection over union."""
    (left, top, right, bottom), (west, north, east, south) = one.box, other.box
    both = max(0.0, min(right, east) - max(left, west)) * max(0.0, min(bottom, south) - max(top, north))
    all_of = (right - left) * (bottom - top) + (east - west) * (south - north) - both
    return both / all_of if all_of > 0 else 0.0
