"""Tables of predictions, ours or anybody's: read strictly, and told where they are wrong.

A table has a line for every row that is judged, in any order. What is wrong is a `WrongUse` that names the line, the
first of the table being 0, and the column.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from slipway.platform.data.columns import missing, texts
from slipway.platform.errors import WrongUse
from slipway.platform.names import nearest

SAMPLE: Final = "sample"
TOLERANCE: Final = 1e-3
"""How far from 1 probabilities may add up; single precision and four printed digits are within."""

Values = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def probabilities_of(predictions: pa.Table, rows: pa.Table, classes: Sequence[str]) -> Values:
    """The probability of each class for each of `rows`: columns `sample` and one for each class."""
    require_columns(predictions, [SAMPLE, *classes])
    order = lines_of(predictions, rows)
    found = np.stack([numbers(predictions, name, 0.0, 1.0) for name in classes], axis=1)
    totals = found.sum(axis=1)
    wrong = np.flatnonzero(np.abs(totals - 1) > TOLERANCE)
    if wrong.size:
        line = int(wrong[0])
        raise WrongUse(
            f"Row {line + 1}, columns {', '.join(f'`{name}`' for name in classes)}: the probabilities add up to "
            f"{totals[line]:.6g}, 1 expected.",
            mend="Give a probability for each class; scores go through a softmax first.",
        )
    return np.asarray((found / totals[:, None])[order], np.float64)


def table_of_probabilities(rows: pa.Table, classes: Sequence[str], probabilities: npt.NDArray[np.floating]) -> pa.Table:
    """What `probabilities_of` reads."""
    columns = {name: pa.array(probabilities[:, number]) for number, name in enumerate(classes)}
    return pa.table({SAMPLE: rows[SAMPLE].combine_chunks(), **columns})


def softmax(scores: npt.NDArray[np.generic]) -> Values:
    """Raw scores of (rows, classes) as probabilities."""
    shifted = np.asarray(scores, np.float64)
    powers = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def require_columns(predictions: pa.Table, names: Sequence[str]) -> None:
    """All of these are there; others are no harm."""
    for name in names:
        if name not in predictions.column_names:
            close = nearest(name, [one for one in predictions.column_names if one not in names])
            raise WrongUse(
                f"The predictions have no column `{name}`; expected are {', '.join(names)}.",
                mend=f"Rename `{close}`."
                if close
                else "`slipway evaluate MODEL --columns` shows them with their types.",
            )


def lines_of(predictions: pa.Table, rows: pa.Table) -> Integers:
    """For each of `rows` the line that speaks of its sample: there is exactly one, and none speaks of others."""
    known = {str(sample): row for row, sample in enumerate(texts(rows[SAMPLE]))}
    lines = np.full(len(known), -1, np.int64)
    for line, sample in enumerate(texts(predictions[SAMPLE])):
        row = known.get(str(sample))
        if row is None:
            raise WrongUse(
                f"Row {line + 1}, column `{SAMPLE}`: `{_short(sample)}` is not judged here.",
                mend="Predict the same split of the same snapshot, and name samples by their whole digest.",
            )
        if lines[row] >= 0:
            raise WrongUse(
                f"Row {line + 1}, column `{SAMPLE}`: `{_short(sample)}` was there already, in row {lines[row] + 1}.",
                mend="Keep one of them.",
            )
        lines[row] = line
    absent = np.flatnonzero(lines < 0)
    if absent.size:
        first = texts(rows[SAMPLE])[absent[0]]
        raise WrongUse(
            f"{absent.size} of {len(lines)} samples have no line, the first is `{_short(first)}`.",
            mend="Predict all of them: what is left out could be the hard ones.",
        )
    return lines


def numbers(predictions: pa.Table, column: str, low: float, high: float) -> Values:
    """A column of finite numbers within limits."""
    found = predictions[column]
    if not len(found):  # a text file that holds nothing but names says nothing about types
        return np.empty(0)
    if not (pa.types.is_floating(found.type) or pa.types.is_integer(found.type)):
        raise WrongUse(
            f"Column `{column}` holds {found.type}, numbers expected.",
            mend="In a text file one value that is no number makes the whole column text.",
        )
    empty = np.flatnonzero(missing(found))
    if empty.size:
        raise WrongUse(f"Row {empty[0] + 1}, column `{column}`: no value.")
    read = np.asarray(found.cast(pa.float64()).to_numpy(), np.float64)
    outside = np.flatnonzero(~((read >= low) & (read <= high)))
    if outside.size:
        raise WrongUse(f"Row {outside[0] + 1}, column `{column}`: {read[outside[0]]:g}, {low:g} to {high:g} expected.")
    return read


def _short(sample: object) -> str:
    text = str(sample)
    return text if len(text) <= 16 else f"{text[:12]}…"  # noqa: PLR2004
