"""The table of predictions of a model that describes what it sees by a vector.

    sample      string             the sha256 of the image, as in the snapshot's `index`
    embedding   list of float32    equally long for all samples; finite, and not all 0

Each sample that is judged has one line, in any order. Only the direction of a vector counts. Lists of any kind of
number, of fixed or free length, are understood, so anybody's features can be handed in.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.platform.errors import WrongUse
from slipway.training.evaluation.predicted import SAMPLE, lines_of, require_columns

Floats = npt.NDArray[np.float32]
EMBEDDING: Final = "embedding"


def table_of_embeddings(rows: pa.Table, embeddings: Floats) -> pa.Table:
    """What `embeddings_of` reads: a vector for each of `rows`."""
    flat: Any = pa.array(np.ascontiguousarray(embeddings, np.float32).ravel())
    lists: Any = pa.FixedSizeListArray.from_arrays(flat, embeddings.shape[1])
    return pa.table({SAMPLE: rows[SAMPLE].combine_chunks(), EMBEDDING: lists})


def embeddings_of(predictions: pa.Table, rows: pa.Table) -> Floats:
    """The vector of each of `rows`; a table that cannot be right is a `WrongUse`."""
    require_columns(predictions, [SAMPLE, EMBEDDING])
    order = lines_of(predictions, rows)
    vectors = _vectors(predictions[EMBEDDING].combine_chunks())
    _refuse(~np.isfinite(vectors.sum(axis=1, dtype=np.float64)), "a value that is no finite number")
    _refuse(np.count_nonzero(vectors, axis=1) == 0, "a vector of zeros, which has no direction")
    return np.asarray(vectors[order], np.float32)


def _vectors(column: Any) -> Floats:  # noqa: ANN401 - a list array of any kind
    """All lines as one array."""
    kind = column.type
    if not (_is_list(kind) and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))):
        raise WrongUse(
            f"Column `{EMBEDDING}` holds {kind}, lists of float32 expected.",
            mend="A CSV holds no lists: hand in Parquet or JSON lines.",
        )
    if pa.types.is_fixed_size_list(kind):
        column = column.cast(pa.list_(kind.value_type))
    offsets = np.asarray(column.offsets.to_numpy(zero_copy_only=False), np.int64)
    lengths = np.diff(offsets)
    _refuse(np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool) | (lengths == 0), "no vector")
    _refuse(lengths != lengths[0], f"a vector whose length differs from the {lengths[0]} of line 0")
    values = column.flatten().cast(pa.float32()).to_numpy(zero_copy_only=False)
    return np.asarray(values, np.float32).reshape(len(lengths), -1)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _refuse(wrong: npt.NDArray[np.bool_], what: str) -> None:
    """Name the first line that is wrong."""
    lines = np.flatnonzero(wrong)
    if lines.size:
        more = f" So have {lines.size - 1} others." if lines.size > 1 else ""
        raise WrongUse(f"Row {lines[0] + 1}, column `{EMBEDDING}`: {what}.{more}")
