"""In which parts two pieces of work differ: the reason why one is not the other. Pure functions over parts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from slipway.platform.runs.parts import Parts

_MISSING: Final = object()


class Change(StrEnum):
    """How the second stands to the first."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


class Kind(StrEnum):
    """Which part; in the order in which a person should look at them."""

    MODEL = "model"
    SNAPSHOT = "snapshot"
    VIEW = "view"
    REFERENCE = "reference"
    CONFIG = "config"
    CODE = "code"
    LOCK = "lock"


@dataclass(frozen=True)
class Difference:
    """One thing that differs."""

    part: Kind
    name: str
    """The config's key, the file's path, the package; the part itself where it is one thing."""
    change: Change
    before: Any = None
    after: Any = None
    """The two values; nothing where there is none."""


def differences(before: Parts, after: Parts) -> list[Difference]:
    """Everything that differs, nothing if both are the same work."""
    pairs: tuple[tuple[Kind, Mapping[str, Any], Mapping[str, Any]], ...] = (
        (Kind.MODEL, {"model": before.model}, {"model": after.model}),
        (Kind.SNAPSHOT, {"snapshot": before.snapshot}, {"snapshot": after.snapshot}),
        (Kind.VIEW, flat(before.view), flat(after.view)),
        (Kind.REFERENCE, before.references, after.references),
        (Kind.CONFIG, flat(before.config), flat(after.config)),
        (Kind.CODE, _files(before), _files(after)),
        (Kind.LOCK, _versions(before.lock), _versions(after.lock)),
    )
    return [one for part, left, right in pairs for one in _compared(part, left, right)]


def flat(value: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Dotted names with their values; lists and empty tables stay whole."""
    found: dict[str, Any] = {}
    for name, one in value.items():
        found |= flat(one, f"{above}{name}.") if isinstance(one, Mapping) and one else {f"{above}{name}": one}
    return found


def _compared(part: Kind, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        left, right = before.get(name, _MISSING), after.get(name, _MISSING)
        if left is _MISSING:
            yield Difference(part, name, Change.ADDED, after=right)
        elif right is _MISSING:
            yield Difference(part, name, Change.REMOVED, before=left)
        elif not _same(left, right):
            yield Difference(part, name, Change.CHANGED, left, right)


def _same(left: object, right: object) -> bool:
    """As the key sees it: 1, 1.0 and true are three values."""
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    return type(left) is type(right) and left == right


def _files(parts: Parts) -> dict[str, str]:
    return {file.path: file.sha256 + (" executable" if file.executable else "") for file in parts.code}


def _versions(lines: Iterable[str]) -> dict[str, str]:
    return {name: version for name, _, version in (line.partition("==") for line in lines)}
