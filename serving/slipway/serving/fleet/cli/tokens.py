"""Making tokens: what is asked for, by options or as rows of a CSV, and the secrets, which only this machine sees."""

import csv
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.names import suggestion
from slipway.serving.bundle.canonical import sha256
from slipway.serving.fleet.service.answers import NewToken

COLUMNS: Final = ("id", "class", "site", "cohorts", "models")
LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH: Final = 32
MOST: Final = 10_000
LARGEST: Final = 4 * 1024 * 1024
_FIELDS: Final = {"device": "id", "device_class": "class"}


@dataclass(frozen=True)
class Wish:
    """A token that is asked for."""

    id: str | None = None
    device_class: str | None = None
    site: str | None = None
    cohorts: Sequence[str] = ()
    models: Sequence[str] = ()


@dataclass(frozen=True)
class Made:
    """A token, with what opens it."""

    token: str
    wish: Wish
    body: Mapping[str, Any]
    """What the service is told."""


def wishes_in(path: Path, otherwise: Wish) -> list[Wish]:
    """Rows of a CSV; what a row leaves out is as the options say. Lists are parted by spaces."""
    try:
        if path.stat().st_size > LARGEST:
            raise WrongUse(f"{path} is larger than {LARGEST} bytes.", mend="Make the tokens in parts.")
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            _check_columns(path, rows.fieldnames or ())
            found = [_wish(path, rows.line_num, row, otherwise) for row in rows]
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise WrongUse(f"{path} is no CSV: {error}.") from None
    if not 1 <= len(found) <= MOST:
        raise WrongUse(f"{path} has {len(found)} rows; expected 1 to {MOST}.")
    _check_once(path, found)
    return found


def _check_columns(path: Path, found: Sequence[str]) -> None:
    unknown = [name for name in found if name not in COLUMNS]
    if unknown or not found or len(set(found)) != len(found):
        name = unknown[0] if unknown else ""
        raise WrongUse(
            f"{path} begins with {','.join(found) or 'nothing'}; expected some of {','.join(COLUMNS)}.",
            mend=suggestion(name, COLUMNS) if name else "The first line names the columns, each once.",
        )


def _wish(path: Path, line: int, row: Mapping[str | None, Any], otherwise: Wish) -> Wish:
    if None in row or None in row.values():
        raise WrongUse(f"{path}:{line}: this row has another number of cells than the first line.")
    told = {name: value.strip() for name, value in row.items() if name}
    return Wish(
        told.get("id") or otherwise.id,
        told.get("class") or otherwise.device_class,
        told.get("site") or otherwise.site,
        tuple(told.get("cohorts", "").split()) or otherwise.cohorts,
        tuple(told.get("models", "").split()) or otherwise.models,
    )


def _check_once(path: Path, wishes: Sequence[Wish]) -> None:
    lines: dict[str, int] = {}
    for line, one in enumerate(wishes, start=2):
        if one.id is not None and lines.setdefault(one.id, line) != line:
            raise WrongUse(f"{path}: row {line - 1} has the id `{one.id}`, as row {lines[one.id] - 1} has.")


def made(wishes: Sequence[Wish], root: bytes, until: datetime) -> Iterator[Made]:
    """Tokens for them; a wish that cannot be is named by its row."""
    digest = sha256(root)
    for row, wish in enumerate(wishes, start=1):
        token = f"sw1-{digest}-{''.join(secrets.choice(LETTERS) for _ in range(LENGTH))}"
        try:
            asked = NewToken(
                digest=sha256(token.encode()),
                until=until,
                device=wish.id,
                device_class=wish.device_class,
                site=wish.site,
                cohorts=tuple(wish.cohorts),
                models=tuple(wish.models),
            )
        except ValidationError as error:
            raise _wrong(row if len(wishes) > 1 else None, error) from None
        yield Made(token, wish, asked.model_dump(mode="json"))


def _wrong(row: int | None, error: ValidationError) -> SlipwayError:
    detail = error.errors(include_url=False)[0]
    field = str(detail["loc"][0])
    name = _FIELDS.get(field, field)
    place = f"Row {row}: " if row is not None else ""
    if name == "models" and not detail["input"]:
        return WrongUse(f"{place}no model to follow is named.", mend="--model NAME, or the column `models`.")
    return WrongUse(f"{place}{name} {detail['input']!r}: {detail['msg']}.")
