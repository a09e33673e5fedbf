"""The published schemas: which fields there are, of which types, and by what their lists are merged.

A real server refuses a value of the wrong type, and drops an unknown field, with a warning or an error as the client
asks. The schemas come with `kubernetes-validate`.
"""

import functools
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final

from cluster.errors import bad_request
from cluster.kinds import Kind
from cluster.objects import Json
from cluster.quantities import amount

VERSION: Final = "1.33.0"
FREE: Final = ("FieldsV1", "JSON", "JSONSchemaProps", "RawExtension", "Quantity", "IntOrString")
NAMES: Final = {
    "integer": "int32",
    "number": "float64",
    "string": "string",
    "boolean": "bool",
    "array": "slice",
    "object": "map",
}


@functools.cache
def definitions() -> Json:
    """All types by their names."""
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{VERSION}-local"
    found: Json = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    return found


def resolved(schema: Json) -> Json:
    """The type behind a reference; nothing for one that may hold anything."""
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
    if not name:
        return schema
    return {} if name.rsplit(".", 1)[-1] in FREE else definitions()[name]


def schema_of(kind: Kind) -> Json:
    """The type of a kind's objects."""
    return definitions()[kind.schema] if kind.schema else {}


def check(kind: Kind, thing: Json, strictness: str) -> list[str]:
    """Drop what is unknown and null; the warnings for the client.

    Wrong types raise, and so do unknown fields where the client is strict.
    """
    unknown = list(_walk(schema_of(kind), thing, "", kind))
    words = [f'unknown field "{path}"' for path in unknown]
    if words and strictness == "Strict":
        text = ", ".join(words)
        raise bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: strict decoding error: {text}'
        )
    return [] if strictness == "Ignore" else words


def _walk(schema: Json, thing: Any, path: str, kind: Kind) -> Iterator[str]:
    if str(schema.get("$ref", "")).endswith(".Quantity"):
        _check_quantity(thing, kind)
    schema = resolved(schema)
    _check_type(schema, thing, path, kind)
    if isinstance(thing, list) and "items" in schema:
        for index, item in enumerate(thing):
            yield from _walk(schema["items"], item, f"{path}[{index}]", kind)
    elif isinstance(thing, dict) and "properties" in schema:
        for name in list(thing):
            below = f"{path}.{name}" if path else name
            if name not in schema["properties"]:
                del thing[name]
                yield below
            elif thing[name] is None:
                del thing[name]
            else:
                yield from _walk(schema["properties"][name], thing[name], below, kind)
    elif isinstance(thing, dict) and isinstance(schema.get("additionalProperties"), dict):
        for name, value in thing.items():
            yield from _walk(schema["additionalProperties"], value, f"{path}.{name}", kind)


def _check_quantity(thing: Any, kind: Kind) -> None:
    try:
        amount(thing)
    except ValueError as error:
        raise bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {error}'
        ) from None


def _check_type(schema: Json, thing: Any, path: str, kind: Kind) -> None:
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else [name for name in wanted or [] if name != "null"]
    found = _type_of(thing)
    if not names or found == "null" or found in names or (found == "integer" and "number" in names):
        return
    target = schema.get("format") if names[0] == "integer" else NAMES[names[0]]
    raise bad_request(
        f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: json: cannot unmarshal {found} '
        f"into Go struct field {kind.kind}.{path} of type {target or NAMES[names[0]]}"
    )


def _type_of(thing: Any) -> str:
    match thing:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
