"""Parts of the units that are looked at on their own: every value of every column of slices.

A unit without a value in a column belongs to the slice `none` of it. Order is by column and name, so two evaluations
list the same slices in the same places.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.platform.data.columns import texts
from slipway.training.evaluation.judged import Judged

NONE: Final = "none"
Members = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """Some of the units; all of them where `column` is empty."""

    column: str
    name: str
    members: Members

    @property
    def units(self) -> int:
        """How many units there are in it."""
        return int(np.count_nonzero(self.members))


def groups_of(judged: Judged) -> Iterator[Group]:
    """All units together, then every slice."""
    yield Group("", "", np.ones(judged.units, bool))
    for column in sorted(judged.slices):
        values = judged.slices[column]
        for name in np.unique(values).tolist():
            yield Group(column, name, values == name)


def slices_of(rows: pa.Table, columns: Mapping[str, str]) -> dict[str, npt.NDArray[np.str_]]:
    """Slices of units that are rows; `columns` maps the name of each to its column."""
    return {name: labels_of(rows, column) for name, column in columns.items()}


def labels_of(rows: pa.Table, column: str) -> npt.NDArray[np.str_]:
    """A column as text, `none` where there is no value."""
    return np.array([NONE if value is None else str(value) for value in texts(rows[column])], np.str_)


def cameras_of(rows: pa.Table) -> npt.NDArray[np.str_]:
    """Site and camera: a camera's name alone may stand for another one at the next site."""
    sites, cameras = labels_of(rows, "site"), labels_of(rows, "camera")
    nameless = (sites == NONE) & (cameras == NONE)
    return np.where(nameless, NONE, np.char.add(np.char.add(sites, "/"), cameras))


def clusters_of(*keys: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """The number of each row's cluster; rows with equal keys are one."""
    joined = ["\x1f".join(parts) for parts in zip(*(key.tolist() for key in keys), strict=True)]
    numbers: npt.NDArray[np.int64] = np.unique(np.array(joined, np.str_), return_inverse=True)[1].astype(np.int64)
    return numbers
