"""`delivery.toml`: what whoever delivers a day says about all of it; the options of `slipway data import`."""

import tomllib
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.plan import Options
from slipway.platform.names import suggestion

NAME: Final = "delivery.toml"
Split = Literal["train", "validation", "test"]


class Note(BaseModel):
    """What it may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["coco", "mot", "reid", "imagefolder"]
    name: str | None = None
    """What the source is called; the delivery's folder unless given."""
    site: str | None = None
    camera: str | None = None
    day: date | None = None
    legal_basis: str | None = None
    retention: date | None = None
    licence: str | None = None
    split: Split | None = None
    category: str = "object"
    label_state: Literal["auto", "human", "reviewed", "disputed"] = "human"
    author: str | None = None

    def options(self, folder: str) -> Options:
        """For a reader."""
        said = {one.name: getattr(self, one.name) for one in fields(Options) if hasattr(self, one.name)}
        days = {name: value.isoformat() for name, value in said.items() if isinstance(value, date)}
        return Options(**{**said, **days, "name": self.name or folder})


def read_note(path: Path) -> Note:
    """The note, where it says what can be meant."""
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadImport(f"{path} is no TOML: {error}.", mend='Such as: format = "coco"') from None
    try:
        return Note.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else "it"
        if first["type"] == "extra_forbidden":
            raise BadImport(f"{path} has no key `{key}`.", mend=suggestion(key, Note.model_fields)) from None
        raise BadImport(f"{path}: `{key}`: {first['msg']}.", mend="Days are written 2026-03-28.") from None
