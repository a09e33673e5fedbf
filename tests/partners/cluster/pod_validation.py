"""The rules for a pod's specification, alone or as a Job's template."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from cluster.errors import Problem
from cluster.objects import Json, at, each
from cluster.quantities import amount

Problems = Iterator[Problem]
DNS_LABEL: Final = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
DNS_WORDS: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
WHOLE: Final = ("pods", "nvidia.com/gpu")
FIELDS: Final = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
FIELD: Final = re.compile(rf"{'|'.join(map(re.escape, FIELDS))}|metadata\.(annotations|labels)\['[^']+'\]")
STANDARD: Final = ("cpu", "memory", "ephemeral-storage")


def pod_spec_problems(spec: Json, path: str) -> Problems:
    """What is wrong with a pod's specification."""
    if not spec.get("containers"):
        yield Problem.required(f"{path}.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    seen: set[str] = set()
    for here, volume in each(spec.get("volumes"), f"{path}.volumes"):
        yield from _dns_name(volume.get("name", ""), f"{here}.name")
        if len(set(volume) - {"name"}) > 1:
            yield Problem.forbidden(here, "may not specify more than 1 volume type")
        yield from _quantity(at(volume, "emptyDir", "sizeLimit"), f"{here}.emptyDir.sizeLimit")
    for group in ("initContainers", "containers"):
        for here, container in each(spec.get(group), f"{path}.{group}"):
            name = container.get("name", "")
            yield from _dns_name(name, f"{here}.name")
            if name in seen:
                yield Problem.duplicate(f"{here}.name", name)
            seen.add(name)
            yield from _container(container, here, volumes)
    yield from _scheduling(spec, path)
    yield from _times_and_names(spec, path)


def _times_and_names(spec: Json, path: str) -> Problems:
    if spec.get("activeDeadlineSeconds", 1) < 1:
        yield Problem.invalid(
            f"{path}.activeDeadlineSeconds",
            spec["activeDeadlineSeconds"],
            "must be between 1 and 2147483647, inclusive",
        )
    if spec["terminationGracePeriodSeconds"] < 0:
        yield Problem.invalid(
            f"{path}.terminationGracePeriodSeconds",
            spec["terminationGracePeriodSeconds"],
            "must be greater than or equal to 0",
        )
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            yield from _dns_name(spec[field], f"{path}.{field}")


def _dns_name(name: str, path: str) -> Problems:
    if not name:
        yield Problem.required(path)
    elif len(name) > 63:
        yield Problem.invalid(path, name, "must be no more than 63 bytes")
    elif not DNS_LABEL.match(name):
        yield Problem.invalid(path, name, DNS_WORDS)


def _container(container: Json, path: str, volumes: set[str | None]) -> Problems:
    if not container.get("image"):
        yield Problem.required(f"{path}.image")
    elif container["image"] != container["image"].strip():
        yield Problem.invalid(f"{path}.image", container["image"], "must not have leading or trailing whitespace")
    if container["imagePullPolicy"] not in {"Always", "IfNotPresent", "Never"}:
        yield Problem.unsupported(
            f"{path}.imagePullPolicy", container["imagePullPolicy"], ("Always", "IfNotPresent", "Never")
        )
    for here, variable in each(container.get("env"), f"{path}.env"):
        yield from _variable(variable, here)
    mounted: set[str] = set()
    for here, mount in each(container.get("volumeMounts"), f"{path}.volumeMounts"):
        if mount.get("name") not in volumes:
            yield Problem.missing(f"{here}.name", mount.get("name", ""))
        place = mount.get("mountPath", "")
        if not place:
            yield Problem.required(f"{here}.mountPath")
        elif place in mounted:
            yield Problem.invalid(f"{here}.mountPath", place, "must be unique")
        mounted.add(place)
    yield from _resources(container["resources"], f"{path}.resources")


def _variable(variable: Json, path: str) -> Problems:
    name = variable.get("name", "")
    if not name:
        yield Problem.required(f"{path}.name")
    elif "=" in name or not name.isprintable():
        yield Problem.invalid(
            f"{path}.name",
            name,
            "a valid environment variable name must consist only of printable ASCII characters other than '='",
        )
    source = variable.get("valueFrom")
    if source is None:
        return
    if variable.get("value"):
        yield Problem.invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty")
    if not source:
        yield Problem.invalid(
            f"{path}.valueFrom",
            "",
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
        )
    for kind in ("secretKeyRef", "configMapKeyRef"):
        if kind in source:
            for field in ("name", "key"):
                if not source[kind].get(field):
                    yield Problem.required(f"{path}.valueFrom.{kind}.{field}")
    yield from _field_reference(at(source, "fieldRef", "fieldPath"), f"{path}.valueFrom.fieldRef.fieldPath")


def _field_reference(field: str | None, path: str) -> Problems:
    if field is not None and not FIELD.fullmatch(field):
        yield Problem.unsupported(path, field, FIELDS)


def _resources(resources: Json, path: str) -> Problems:
    limits = resources.get("limits") or {}
    for group in ("limits", "requests"):
        for name, value in (resources.get(group) or {}).items():
            here = f"{path}.{group}[{name}]"
            if "/" not in name and name not in STANDARD and not name.startswith("hugepages-"):
                yield Problem.invalid(here, name, "must be a standard resource type or fully qualified")
            yield from _quantity(value, here, whole=name in WHOLE or "/" in name)
            if "/" in name and group == "requests" and name not in limits:
                yield Problem.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
    for name, value in (resources.get("requests") or {}).items():
        if name in limits and not list(_quantity(value, "")) and not list(_quantity(limits[name], "")):
            if "/" in name and amount(value) != amount(limits[name]):
                yield Problem.invalid(f"{path}.requests", value, f"must be equal to {name} limit of {limits[name]}")
            elif amount(value) > amount(limits[name]):
                yield Problem.invalid(
                    f"{path}.requests", value, f"must be less than or equal to {name} limit of {limits[name]}"
                )


def _quantity(value: Any, path: str, *, whole: bool = False) -> Problems:
    if value is None:
        return
    try:
        number = amount(value)
    except ValueError as error:
        yield Problem.invalid(path, value, str(error))
        return
    if number < 0:
        yield Problem.invalid(path, value, "must be greater than or equal to 0")
    if whole and number != number.to_integral_value():
        yield Problem.invalid(path, value, "must be an integer")


def _scheduling(spec: Json, path: str) -> Problems:
    for here, one in each(spec.get("tolerations"), f"{path}.tolerations"):
        operator = one.get("operator", "Equal")
        if operator not in {"Equal", "Exists"}:
            yield Problem.unsupported(f"{here}.operator", operator, ("Equal", "Exists"))
        if operator == "Exists" and one.get("value"):
            yield Problem.invalid(f"{here}.operator", one, "value must be empty when `operator` is 'Exists'")
        if not one.get("key") and operator != "Exists":
            yield Problem.invalid(
                f"{here}.operator",
                operator,
                'operator must be Exists when `key` is empty, which means "match all values and all keys"',
            )
        if "tolerationSeconds" in one and one.get("effect") != "NoExecute":
            yield Problem.invalid(
                f"{here}.effect", one.get("effect", ""), "effect must be 'NoExecute' when `tolerationSeconds` is set"
            )
        if one.get("effect", "NoExecute") not in EFFECTS:
            yield Problem.unsupported(f"{here}.effect", one["effect"], EFFECTS)


EFFECTS: Final[Sequence[str]] = ("NoExecute", "NoSchedule", "PreferNoSchedule")
MAY_CHANGE: Final = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "nodeName")


def pod_update_problems(pod: Json, before: Json) -> Problems:
    """A pod keeps nearly all of its specification."""
    new, old = ({name: value for name, value in one["spec"].items() if name not in MAY_CHANGE} for one in (pod, before))
    for one in (new, old):
        one["containers"] = [{**container, "image": ""} for container in one["containers"]]
    if new != old:
        yield Problem.forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        )
