"""Files of predictions: Parquet, CSV or JSON lines, told apart by their endings."""

from pathlib import Path
from typing import Final

import pyarrow as pa

from slipway.platform.errors import WrongUse
from slipway.training.evaluation.predicted import SAMPLE

ENDINGS: Final = (".parquet", ".csv", ".jsonl", ".json")


def read_predictions(path: Path) -> pa.Table:
    """The table in a file; what it says is not looked at."""
    if path.suffix.lower() not in ENDINGS:
        raise WrongUse(f"{path} is no table by its name.", mend=f"Give a file that ends in {', '.join(ENDINGS)}.")
    if not path.is_file():
        raise WrongUse(f"{path} is no file.", mend="Give the file that holds the predictions.")
    try:
        return _read(path)
    except (pa.ArrowInvalid, pa.ArrowKeyError, pa.ArrowNotImplementedError) as error:
        raise WrongUse(
            f"{path} cannot be read as {path.suffix[1:]}: {str(error).splitlines()[0]}.",
            mend="Parquet is the safest: `pyarrow.parquet.write_table` or `DataFrame.to_parquet` write it.",
        ) from None


def _read(path: Path) -> pa.Table:
    from pyarrow import csv, json, parquet

    match path.suffix.lower():
        case ".parquet":
            return parquet.read_table(path)
        case ".csv":
            # A name that happens to be all digits is a name still.
            return csv.read_csv(path, convert_options=csv.ConvertOptions(column_types={SAMPLE: pa.string()}))
        case _:
            return json.read_json(path)
