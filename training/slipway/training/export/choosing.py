"""Which rows an export looks at: few, spread over the slices, the same whenever the same is asked.

Rows are taken from the groups of all slices' columns in turn, so that a rare one (a camera at night) is there; within
a group the order is drawn by a number of its own for each row.
"""

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

from slipway.training.evaluation.slices import labels_of
from slipway.training.reading.philox import Integers, key_of, numbers
from slipway.training.task import Examples

Pixels = npt.NDArray[np.uint8]
COLUMNS: Final = ("light", "weather", "site", "camera")
"""The slices that rows are spread over, as far as a model's rows have them."""


def spread(examples: Examples, count: int, seed: int, purpose: str) -> Integers:
    """The numbers of so many rows, or of all, ascending."""
    drawn = numbers(key_of(seed, purpose), np.arange(examples.count, dtype=np.uint64))
    groups = _groups(examples)
    turns: dict[str, int] = {}
    order = []
    for row in np.argsort(drawn, kind="stable").tolist():
        turn = turns[groups[row]] = turns.get(groups[row], -1) + 1
        order.append((turn, groups[row], row))
    return np.sort(np.array([row for _, _, row in sorted(order)[:count]], np.int64))


def every(examples: Examples) -> Integers:
    """The numbers of all rows."""
    return np.arange(examples.count, dtype=np.int64)


def pixels(examples: Examples, rows: Integers) -> Pixels:
    """Their pixels, as the network takes them."""
    source = examples.source
    found: Pixels = np.empty((len(rows), *source.size, 3), np.uint8)
    source.read(rows, found)
    return np.ascontiguousarray(found.transpose(0, 3, 1, 2))


def digest(examples: Examples, rows: Integers) -> str:
    """sha256 over the samples' digests, in their order, one a line."""
    samples = [str(one) for one in examples.rows["sample"].take(rows).to_pylist()]
    return hashlib.sha256("".join(f"{one}\n" for one in samples).encode()).hexdigest()


def _groups(examples: Examples) -> list[str]:
    """For each row, its values in the columns of slices."""
    rows = examples.rows
    columns = [labels_of(rows, name).tolist() for name in COLUMNS if name in rows.column_names]
    return ["/".join(values) for values in zip(*columns, strict=True)] if columns else [""] * examples.count
