"""Kubernetes objects as the wire has them: plain JSON, and the few things that everybody here asks of them."""

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

Json = dict[str, Any]
SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"


def moment(when: datetime | None = None) -> str:
    """A time as the API writes it, in whole seconds."""
    return (when or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_moment(text: str) -> datetime:
    """Back again."""
    return datetime.fromisoformat(text)


def seconds_since(text: str) -> float:
    """How long ago that was."""
    return (datetime.now(UTC) - parse_moment(text)).total_seconds()


def suffix() -> str:
    """Five letters, as a server appends them to `generateName`."""
    return "".join(random.choices(SUFFIX_LETTERS, k=5))


def name_of(thing: Json) -> str:
    name: str = thing["metadata"]["name"]
    return name


def namespace_of(thing: Json) -> str:
    return str(thing["metadata"].get("namespace", ""))


def uid_of(thing: Json) -> str:
    uid: str = thing["metadata"]["uid"]
    return uid


def labels_of(thing: Json) -> Mapping[str, str]:
    return thing["metadata"].get("labels") or {}


def deleting(thing: Json) -> bool:
    """Whether somebody has asked for its deletion."""
    return "deletionTimestamp" in thing["metadata"]


def controller_uid(thing: Json) -> str | None:
    """Who manages it."""
    owners = thing["metadata"].get("ownerReferences") or []
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def condition(thing: Json, kind: str) -> Json | None:
    """One of its conditions."""
    conditions = thing.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), None)


def holds(thing: Json, kind: str) -> bool:
    """Whether a condition is there and true."""
    found = condition(thing, kind)
    return found is not None and found["status"] == "True"


def set_condition(thing: Json, kind: str, status: str = "True", reason: str = "", message: str = "") -> None:
    """Add a condition at the end, or change the one that is there."""
    conditions = thing.setdefault("status", {}).setdefault("conditions", [])
    found = next((one for one in conditions if one["type"] == kind), None)
    if found is None:
        found = {"type": kind}
        conditions.append(found)
    if found.get("status") != status:
        found["lastTransitionTime"] = moment()
    found["status"] = status
    for key, value in (("reason", reason), ("message", message)):
        found.pop(key, None)
        if value:
            found[key] = value


def at(thing: Any, *path: str | int, default: Any = None) -> Any:
    """What lies at a path; the default where something on the way is missing or null."""
    for step in path:
        try:
            thing = thing[step]
        except (KeyError, IndexError, TypeError):
            return default
    return default if thing is None else thing


def each(items: Sequence[Json] | None, path: str) -> Iterator[tuple[str, Json]]:
    """The items of a list with the paths by which messages name them."""
    for index, item in enumerate(items or []):
        yield f"{path}[{index}]", item


def clone(thing: Json) -> Json:
    return copy.deepcopy(thing)
