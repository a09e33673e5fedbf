"""Label and field selectors."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from cluster.errors import bad_request
from cluster.kinds import Kind
from cluster.objects import Json, at, labels_of

Chosen = Callable[[Json], bool]
SET: Final = re.compile(r"^([\w./-]+)\s+(in|notin)\s*\(([^)]*)\)$")
PAIR: Final = re.compile(r"^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$")
EXISTS: Final = re.compile(r"^(!?)\s*([\w./-]+)$")
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase"),
    "events": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
    ),
    "jobs": ("status.successful",),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
}  # fmt: skip


def by_labels(text: str) -> Chosen:
    """The objects that a label selector means."""
    tests = [_label_test(part.strip()) for part in re.split(r",(?![^(]*\))", text) if part.strip()]
    return lambda thing: all(test(labels_of(thing)) for test in tests)


def _label_test(part: str) -> Callable[[Mapping[str, str]], bool]:
    if match := SET.match(part):
        key, word, inside = match.groups()
        values = {value.strip() for value in inside.split(",")}
        if word == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := PAIR.match(part):
        key, sign, value = match.groups()
        if sign == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := EXISTS.match(part):
        absent, key = match.groups()
        return lambda labels: (key in labels) is not bool(absent)
    raise bad_request(f"unable to parse requirement: found '{part}', expected: a label selector")


def by_fields(kind: Kind, text: str) -> Chosen:
    """The objects that a field selector means; only the fields that a server indexes."""
    known = ("metadata.name", "metadata.namespace", *FIELDS.get(kind.plural, ()))
    tests: list[tuple[tuple[str, ...], str, bool]] = []
    for part in filter(None, text.split(",")):
        field, sign, value = re.split(r"(!=|==|=)", part, maxsplit=1) if "=" in part else (part, "", "")
        if not sign:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        if field not in known:
            raise bad_request(f"field label not supported: {field}")
        tests.append((tuple(field.split(".")), value, sign != "!="))
    return lambda thing: all((str(at(thing, *path, default="")) == value) is wanted for path, value, wanted in tests)
