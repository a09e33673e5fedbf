"""Questions to columns of Arrow tables, with numpy's arrays as answers.

The one place that deals with the types of Arrow's compute functions, whose stubs know fewer overloads than there are.
An answer of yes or no is never unknown: what is missing is no match.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

if TYPE_CHECKING:
    Column: TypeAlias = pa.ChunkedArray[Any] | pa.Array[Any]

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_compute: Any = pyarrow.compute


def take(table: pa.Table, positions: Ints) -> pa.Table:
    """Rows of a table by position."""
    chosen: Any = pa.array(positions, pa.int64())
    return table.take(chosen)


def where(table: pa.Table, mask: Mask) -> pa.Table:
    """The rows of a table that a mask chooses."""
    chosen: Any = pa.array(mask, pa.bool_())
    return table.filter(chosen)


def texts(column: "Column") -> NDArray[np.object_]:
    """A column's values as Python's."""
    return np.asarray(column.to_pylist(), dtype=object)


def missing(column: "Column") -> Mask:
    """Where there is no value."""
    return _mask(_compute.is_null(column))


def equal(column: "Column", value: str) -> Mask:
    """Where a column has this value."""
    return _mask(_compute.equal(column, value))


def within(column: "Column", values: "Column | Iterable[str | float]") -> Mask:
    """Where a column has one of these values."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    known = values if isinstance(values, pa.Array) else pa.array(list(values), column.type)
    return _mask(_compute.and_(_compute.is_in(column, value_set=known), _compute.is_valid(column)))


def compare(column: "Column", operator: str, value: str | float) -> Mask:
    """Where a column's value is `less`, `less_equal`, `greater` or `greater_equal`."""
    return _mask(getattr(_compute, operator)(column, pa.scalar(value)))


def containing(column: "Column", part: str) -> Mask:
    """Where a column's value, as text, has this part; capitals do not matter."""
    return _mask(_compute.match_substring(column.cast(pa.string()), part, ignore_case=True))


def beginning(column: "Column", prefix: str) -> list[str]:
    """The values that begin so."""
    found = column.filter(_compute.starts_with(column, prefix)).to_pylist()
    return [str(one) for one in found]


def distinct(column: "Column") -> list[str]:
    """Every value once, sorted, without the missing one."""
    return sorted(str(value) for value in _compute.unique(column).to_pylist() if value is not None)


def counted(column: "Column", instead: str = "none") -> dict[str, int]:
    """How often each value is there, by name; missing ones under a name of their own."""
    found = _compute.value_counts(_compute.fill_null(column, instead)).to_pylist()
    return {str(one["values"]): int(one["counts"]) for one in sorted(found, key=lambda one: str(one["values"]))}


def total(column: "Column") -> int:
    """The sum of a column of whole numbers."""
    return int(_compute.sum(column).as_py() or 0)


def sorted_positions(column: "Column") -> Ints:
    """The positions that sort a column of text."""
    return np.asarray(_compute.sort_indices(column).to_numpy(), np.int64)


def positions_of(values: "Column", known: "Column") -> "pa.Array[Any]":
    """Where each value stands in another column; missing where it does not."""
    return _whole(_compute.index_in(values, value_set=_whole(known)))


def encoded(parts: Sequence["Column"]) -> list[Ints]:
    """Columns as whole numbers from 0: equal values have equal numbers, missing ones too."""
    lengths = [len(part) for part in parts]
    joined = pa.chunked_array([_whole(part) for part in parts])
    coded: Any = _compute.dictionary_encode(_whole(joined), null_encoding="encode")
    numbers = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)
    return list(np.split(numbers, np.cumsum(lengths)[:-1]))


def column_of(table: pa.Table, name: str, kind: pa.DataType | None = None) -> "pa.Array[Any]":
    """A column as one array; all missing where the table has none of that name."""
    if name in table.column_names:
        return _whole(table[name])
    nothing: Any = pa.nulls(table.num_rows)
    return _whole(nothing.cast(kind or pa.string()))


def table_of(columns: Sequence["Column"], schema: pa.Schema) -> pa.Table:
    """A table from its columns."""
    arrays: Any = list(columns)
    made: pa.Table = pa.Table.from_arrays(arrays, schema=schema)
    return made


def _whole(column: "Column") -> "pa.Array[Any]":
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _mask(answers: Any) -> Mask:  # noqa: ANN401 - one array or several
    return np.asarray(_whole(_compute.fill_null(answers, False)).to_numpy(zero_copy_only=False), bool)  # noqa: FBT003 - Arrow takes it by position
