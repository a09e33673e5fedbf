"""The three ways of changing a part of an object: JSON patch, merge patch, strategic merge patch."""

from typing import Any, Final

from cluster.errors import ApiError, bad_request, not_here
from cluster.kinds import Kind
from cluster.objects import Json, clone
from cluster.schemas import resolved, schema_of

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"


def patched(kind: Kind, thing: Json, patch: Any, content_type: str) -> Json:
    """The object with the patch applied."""
    match content_type.partition(";")[0].strip():
        case "application/json-patch+json":
            return _operations(clone(thing), patch)
        case "application/merge-patch+json":
            return dict(_merged(clone(thing), patch))
        case "application/strategic-merge-patch+json" if kind.schema:
            return dict(_strategic(schema_of(kind), clone(thing), patch))
        case "application/apply-patch+yaml":
            raise not_here("server-side apply")
        case other:
            raise ApiError(
                415, "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: "
                f"{JSON_PATCH}, {MERGE_PATCH} (found {other})",
            )  # fmt: skip


def _merged(thing: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    thing = thing if isinstance(thing, dict) else {}
    for name, value in patch.items():
        if value is None:
            thing.pop(name, None)
        else:
            thing[name] = _merged(thing.get(name), value)
    return thing


def _strategic(schema: Json, thing: Any, patch: Any) -> Any:
    schema = resolved(schema)
    if isinstance(patch, list):
        key = schema.get("x-kubernetes-patch-merge-key")
        return _merged_list(schema, thing or [], patch, key) if key else patch
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    thing = thing if isinstance(thing, dict) else {}
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            thing.pop(name, None)
            continue
        below = schema.get("properties", {}).get(name) or schema.get("additionalProperties") or {}
        merge = {word: below[word] for word in below if word.startswith("x-kubernetes-patch")}
        thing[name] = _strategic({**resolved(below), **merge}, thing.get(name), value)
    return thing


def _merged_list(schema: Json, items: list[Json], patch: list[Json], key: str) -> list[Json]:
    for change in patch:
        index = next((at for at, item in enumerate(items) if item.get(key) == change.get(key)), None)
        if change.get("$patch") == "delete":
            items = [item for item in items if item.get(key) != change.get(key)]
        elif index is None:
            items = [*items, change]
        else:
            items[index] = _strategic(schema["items"], items[index], change)
    return items


def _operations(thing: Json, operations: Any) -> Json:
    if not isinstance(operations, list):
        raise bad_request("json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp")
    for one in operations:
        *way, last = [step.replace("~1", "/").replace("~0", "~") for step in str(one["path"]).split("/")[1:]]
        place: Any = thing
        try:
            for step in way:
                place = place[int(step) if isinstance(place, list) else step]
            _operate(place, last, one)
        except (KeyError, IndexError, ValueError, TypeError):
            raise ApiError(
                422, "Invalid", f"the server rejected our request due to an error in our request: {one}"
            ) from None
    return thing


def _operate(place: Any, last: str, one: Json) -> None:
    here: Any = last if isinstance(place, dict) else len(place) if last == "-" else int(last)
    match one["op"]:
        case "add" if isinstance(place, list):
            place.insert(here, one["value"])
        case "add":
            place[here] = one["value"]
        case "replace":
            _ = place[here]
            place[here] = one["value"]
        case "remove":
            del place[here]
        case "test":
            if place[here] != one["value"]:
                raise ValueError(last)
        case other:
            raise not_here(f"the patch operation {other}")
