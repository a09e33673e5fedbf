"""The typed config from plain values, strictly and without Hydra: what the child does with its order.

Every slip is a `BadValue` that names the key, what was expected and what was found. A whole number is a number; nothing
else is converted: no text to a number, no number cut off to a whole one.
"""

import dataclasses
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

T = TypeVar("T")
Kind = Any
"""An annotation: a class, `list[int]`, `float | None`."""
NAMES: Mapping[Kind, str] = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a text",
    types.NoneType: "null",
}
LONGEST_SHOWN = 60


class BadValue(WrongUse):
    """A value that a config cannot have, or a key that it does not know."""

    def __init__(self, key: str, message: str, *, mend: str | None = None) -> None:
        super().__init__(message, mend=mend)
        self.key = key


def build(cls: type[T], values: Mapping[str, Any], key: str = "") -> T:
    """The dataclass `cls` from values by name; all of its own checks have been done."""
    known = hints(cast("type", cls))
    for name in values:
        if name not in known:
            raise BadValue(joined(key, name), f"There is no key `{joined(key, name)}`.", mend=suggestion(name, known))
    given = {name: convert(known[name], value, joined(key, name)) for name, value in values.items()}
    try:
        return cls(**given)
    except (TypeError, ValueError) as error:
        said = str(error).rstrip(".")
        place = "" if not key or said.startswith(key) else f"In `{key}`: "
        raise BadValue(_key_in(said, key), f"{place}{said}.") from None


def convert(kind: Kind, value: Any, key: str) -> Any:  # noqa: ANN401 - whatever a config holds
    """The value as its annotation wants it."""
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            below = ", ".join(joined(key, name) for name in hints(kind))
            raise BadValue(key, f"`{key}` holds keys of its own, not {shown(value)}.", mend=f"Its keys: {below}.")
        return build(kind, value, key)
    outer = _origin(kind)
    inner = get_args(kind)
    if outer in {Union, types.UnionType}:
        return _one_of(inner, value, key)
    if outer in {list, tuple} and isinstance(value, Sequence) and not isinstance(value, str):
        element = inner[0] if inner else Any
        return outer(convert(element, one, joined(key, str(place))) for place, one in enumerate(value))
    if outer is dict and isinstance(value, Mapping):
        return {name: convert(inner[1], one, joined(key, str(name))) for name, one in value.items()}
    return _plain(kind, value, key)


def _one_of(kinds: Sequence[Kind], value: Any, key: str) -> Any:  # noqa: ANN401 - whatever a config holds
    """The value as the first of several annotations that takes it."""
    if value is None and types.NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not types.NoneType]
    for kind in others:
        try:
            return convert(kind, value, key)
        except BadValue as error:
            if error.key != key:
                raise  # it is of this kind, and something inside is wrong
    raise BadValue(key, f"`{key}` is {' or '.join(map(expected, kinds))}, not {shown(value)}.")


def _plain(kind: Kind, value: Any, key: str) -> Any:  # noqa: ANN401 - whatever a config holds
    if isinstance(kind, type) and issubclass(kind, Enum):
        if isinstance(value, kind):
            return value
        if value in kind.__members__:
            return kind[value]
        raise BadValue(key, f"`{key}` is {shown(value)}.", mend=suggestion(str(value), kind.__members__))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind not in NAMES or type(value) is not kind:
        raise BadValue(key, f"`{key}` is {expected(kind)}, not {shown(value)}.")
    return value


@cache
def hints(cls: type) -> Mapping[str, Kind]:
    """The annotation of each field."""
    resolved = get_type_hints(cls)
    return {field.name: resolved[field.name] for field in dataclasses.fields(cls)}


def kind_of(cls: Kind, path: str) -> Kind | None:
    """The annotation of what lies at a dotted path; None where there is nothing."""
    kind = cls
    for name in path.split("."):
        kind = _without_none(kind)
        if kind is Any:
            continue
        if _origin(kind) is dict:
            kind = get_args(kind)[1]
        elif dataclasses.is_dataclass(kind) and isinstance(kind, type) and name in hints(kind):
            kind = hints(kind)[name]
        else:
            return None
    return kind


def is_open(cls: Kind, path: str) -> bool:
    """Whether the path leads into a dictionary, which takes any key."""
    parts = path.split(".")
    above = (kind_of(cls, ".".join(parts[:end])) for end in range(1, len(parts)))
    return any(kind is Any or _origin(_without_none(kind)) is dict for kind in above)


def keys_of(cls: type, above: str = "") -> list[str]:
    """The dotted paths of all values, without what lies in dictionaries."""
    found = []
    for name, kind in hints(cls).items():
        bare = _without_none(kind)
        path = joined(above, name)
        found += keys_of(bare, path) if dataclasses.is_dataclass(bare) and isinstance(bare, type) else [path]
    return found


def expected(kind: Kind) -> str:
    """An annotation in words."""
    outer = _origin(kind)
    inner = get_args(kind)
    if outer in {Union, types.UnionType}:
        return " or ".join(map(expected, inner))
    if outer in {list, tuple}:
        return f"a list ({expected(inner[0])} each)" if inner else "a list"
    if outer is dict:
        return "a mapping"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(f"`{name}`" for name in kind.__members__)
    return NAMES.get(kind, str(kind))


def shown(value: object) -> str:
    """A value in a message, short."""
    text = f"`{str(value).lower() if isinstance(value, bool) or value is None else value}`"
    text = text.replace("`none`", "`null`")
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 4]}...`"


def joined(above: str, name: str) -> str:
    """A dotted path."""
    return f"{above}.{name}" if above else name


def without_runtime(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a config decides the weights: everything but `runtime`."""
    return {name: value for name, value in config.items() if name != "runtime"}


def _origin(kind: Kind) -> Kind:
    """`list` of `list[int]`."""
    return get_origin(kind)


def _without_none(kind: Kind) -> Kind:
    """`X` for `X | None`."""
    if _origin(kind) in {Union, types.UnionType}:
        others = [one for one in get_args(kind) if one is not types.NoneType]
        return others[0] if len(others) == 1 else kind
    return kind


def _key_in(said: str, key: str) -> str:
    """The key that a check's message begins with, else the one that was being built."""
    first = said.partition(" ")[0].strip("`")
    return first if first.startswith(key) and first.replace("_", "").replace(".", "").isalnum() else key
