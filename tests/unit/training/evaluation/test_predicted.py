"""Tables that anybody hands in: what is refused, and where it is said to be wrong."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from slipway.platform.errors import WrongUse
from slipway.training.evaluation.files import read_predictions
from slipway.training.evaluation.predicted import probabilities_of, softmax, table_of_probabilities

CLASSES = ("free", "occupied")
SAMPLES = [f"{number:064x}" for number in range(3)]
ROWS = pa.table({"sample": SAMPLES})


def table(**columns: Any) -> pa.Table:
    return pa.table({"sample": SAMPLES, "free": [0.9, 0.2, 0.5], "occupied": [0.1, 0.8, 0.5], **columns})


def test_what_is_written_is_read_back_in_the_order_of_the_rows() -> None:
    said = softmax(np.random.default_rng(0).normal(0, 3, (3, 2)))
    assert said.sum(axis=1) == pytest.approx(1)
    written = table_of_probabilities(ROWS, CLASSES, said)
    assert probabilities_of(written, ROWS, CLASSES) == pytest.approx(said)
    assert probabilities_of(written.take([2, 0, 1]), ROWS, CLASSES) == pytest.approx(said)


def test_softmax_of_large_scores_stays_finite() -> None:
    assert softmax(np.array([[1e4, 0.0], [-1e4, 0.0]], np.float32)).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"occupied": [0.1, 1.8, 0.5]}, "Row 2, column `occupied`: 1.8, 0 to 1 expected"),
        ({"occupied": [0.1, math.nan, 0.5]}, "Row 2, column `occupied`: nan, 0 to 1 expected"),
        ({"occupied": [0.1, 0.8, None]}, "Row 3, column `occupied`: no value"),
        ({"occupied": ["a", "b", "c"]}, "Column `occupied` holds string, numbers expected"),
        ({"occupied": [0.1, 0.8, 0.4]}, "Row 3, columns `free`, `occupied`: the probabilities add up to 0.9"),
        ({"sample": [SAMPLES[0], "nobody", SAMPLES[2]]}, "Row 2, column `sample`: `nobody` is not judged here"),
        (
            {"sample": [SAMPLES[0], SAMPLES[1], SAMPLES[0]]},
            "Row 3, column `sample`: `000000000000…` was there already, in row 1",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_line_and_column(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongUse) as refused:
        probabilities_of(table(**changes), ROWS, CLASSES)
    assert message in str(refused.value)


def test_a_missing_column_is_named_with_the_one_that_was_likely_meant() -> None:
    misspelt = table().rename_columns(["sample", "free", "ocupied"])
    with pytest.raises(WrongUse, match="no column `occupied`") as refused:
        probabilities_of(misspelt, ROWS, CLASSES)
    assert refused.value.mend == "Rename `ocupied`."


def test_samples_that_were_left_out_are_counted() -> None:
    with pytest.raises(WrongUse, match="2 of 3 samples have no line, the first is `000000000000…`"):
        probabilities_of(table().slice(1, 1), ROWS, CLASSES)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_parquet_csv_and_json_lines_say_the_same(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"predictions.{ending}"
    lines = table().to_pylist()
    if ending == "parquet":
        pq.write_table(table(), path)
    elif ending == "csv":
        path.write_text("sample,free,occupied\n" + "".join(f"{','.join(map(str, one.values()))}\n" for one in lines))
    else:
        path.write_text("".join(f"{str(one).replace(chr(39), chr(34))}\n" for one in lines))
    found = read_predictions(path)
    # The names of these samples are all digits, which must not make numbers of them.
    assert probabilities_of(found, ROWS, CLASSES).tolist() == probabilities_of(table(), ROWS, CLASSES).tolist()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("table.xlsx", b"", "is no table by its name"),
        ("table.parquet", b"no parquet", "cannot be read as parquet"),
        ("table.csv", b"sample,free\na,1,2\n", "cannot be read as csv"),
        ("table.jsonl", b"{no json", "cannot be read as jsonl"),
        ("table.csv", b"", "cannot be read as csv"),
        ("table.parquet", None, "is no file"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(
    name: str, data: bytes | None, message: str, tmp_path: Path
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(WrongUse) as refused:
        read_predictions(tmp_path / name)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
