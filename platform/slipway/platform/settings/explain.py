"""Turning a failed check of settings into words: place, key, what was found, what would have been right."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.platform.settings.toml_lines import KeyPath

SHOWN_LENGTH = 80


@dataclass(frozen=True)
class Origin:
    """Where a value was set."""

    kind: Literal["default", "file", "environment"]
    name: str
    line: int | None = None

    def __str__(self) -> str:
        """As people write places: `slipway.toml:12`, a variable's name, `default`."""
        return self.name if self.line is None else f"{self.name}:{self.line}"


def explain(
    error: ValidationError, model: type[BaseModel], prefix: KeyPath, origin: Callable[[KeyPath], Origin]
) -> WrongUse:
    """All that is wrong in one message, a line for each finding; the mend belongs to the first one."""
    findings = [_finding(detail, model, prefix, origin) for detail in error.errors(include_url=False)]
    return WrongUse("\n".join(text for text, _ in findings), mend=next((mend for _, mend in findings if mend), None))


def is_secret(model: type[BaseModel], path: KeyPath) -> bool:
    """Whether the setting at a path must never be shown."""
    field = _field(model, path)
    return SecretStr in (field, *get_args(field))


def _finding(
    detail: ErrorDetails, model: type[BaseModel], prefix: KeyPath, origin: Callable[[KeyPath], Origin]
) -> tuple[str, str | None]:
    path = tuple(str(part) for part in detail["loc"] if part != "[key]")
    *_, owner = _models(model, path[:-1])
    place, key = origin(prefix + path), ".".join(prefix + path)
    if detail["type"] == "extra_forbidden":
        return f"{place}: `{key}` is not a setting (found {_shown(detail['input'])}).", suggestion(path[-1], owner)
    field = _field(model, path)
    found = "a secret value" if is_secret(model, path) else _shown(detail["input"])
    choices = [str(choice) for choice in get_args(field)] if get_origin(field) is Literal else []
    return (
        f"{place}: `{key}` is {found}. {detail['msg']}.",
        suggestion(str(detail["input"]), choices) if choices else None,
    )


def _shown(value: object) -> str:
    """A value in a message: short, and without what a nested table may hold."""
    if isinstance(value, dict):
        return "a table"
    text = repr(value)
    return shorten(text, SHOWN_LENGTH)


def _models(model: type[BaseModel], path: KeyPath) -> Iterator[dict[str, Any]]:
    """The fields (name to annotation) of the model at each step of a path."""
    level: Any = model
    yield _fields(level)
    for name in path:
        level = get_args(level)[1] if get_origin(level) is dict else _fields(level).get(name)
        yield _fields(level)


def _fields(model: object) -> dict[str, Any]:
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {name: field.annotation for name, field in model.model_fields.items()}
    return {}


def _field(model: type[BaseModel], path: KeyPath) -> object:
    """The annotation of the setting at a path, if the path ends at one."""
    if not path:
        return None
    *_, owner = _models(model, path[:-1])
    return owner.get(path[-1])
