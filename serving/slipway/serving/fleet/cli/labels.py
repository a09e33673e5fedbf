"""Labels of decisions, as rows of a CSV."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.serving.edge.decisions import parse_id
from slipway.serving.errors import SlipwayError as DeviceError
from slipway.serving.fleet.service.answers import OutcomeTold

COLUMNS: Final = ("decision", "truth", "right", "answer", "source", "model")
WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
LARGEST: Final = 256 * 1024 * 1024


@dataclass(frozen=True)
class Label:
    """A row."""

    line: int
    body: Mapping[str, Any]
    """What the service is told."""


def labels_in(path: Path, source: str | None, model: str | None) -> list[Label]:
    """All rows; the one that is wrong is named. What a row leaves out is as the options say."""
    try:
        if path.stat().st_size > LARGEST:
            raise WrongUse(f"{path} is larger than {LARGEST} bytes.", mend="Tell it in parts.")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            _check_columns(path, rows.fieldnames or ())
            found = [Label(rows.line_num, _body(path, rows.line_num, row, source, model)) for row in rows]
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise WrongUse(f"{path} is no CSV: {error}.") from None
    if not found:
        raise WrongUse(f"{path} has no rows.")
    return found


def _check_columns(path: Path, found: Sequence[str]) -> None:
    unknown = [name for name in found if name not in COLUMNS]
    lacking = not {"decision", "truth"} <= set(found) or not {"right", "answer"} & set(found)
    if unknown or lacking or len(set(found)) != len(found):
        raise WrongUse(
            f"{path} begins with {','.join(found) or 'nothing'}; expected decision,truth, one of right,answer, and "
            "maybe source,model.",
            mend=suggestion(unknown[0], COLUMNS) if unknown else "The first line names the columns, each once.",
        )


def _body(
    path: Path, line: int, row: Mapping[str | None, Any], source: str | None, model: str | None
) -> Mapping[str, Any]:
    if None in row or None in row.values():
        raise WrongUse(f"{path}:{line}: this row has another number of cells than the first line.")
    told: dict[str, Any] = {name: value.strip() for name, value in row.items() if name and value.strip()}
    told = {"source": source, "model": model} | told
    if "right" in told:
        if told["right"].lower() not in WORDS:
            raise WrongUse(f"{path}:{line}: right {told['right']!r}: expected true or false.")
        told["right"] = WORDS[told["right"].lower()]
    elif "answer" not in told:
        raise WrongUse(f"{path}:{line}: expected `right`, or the `answer` that was given.")
    if told["source"] is None:
        raise WrongUse(f"{path}:{line}: nobody is named who says so.", mend="--source NAME, or the column `source`.")
    try:
        parse_id(told.get("decision", ""))
        return OutcomeTold.model_validate(told).model_dump(mode="json", exclude_none=True)
    except DeviceError as error:
        raise WrongUse(f"{path}:{line}: {error}", mend=error.mend) from None
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = detail["loc"][0]
        raise WrongUse(f"{path}:{line}: {where} {told.get(str(where), '')!r}: {detail['msg']}.") from None
