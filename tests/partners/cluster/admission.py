"""What stands between a valid object and the storage: namespace, service account, priority, quota, pod security."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from cluster.errors import forbidden, not_found
from cluster.kinds import (
    EVENTS,
    JOBS,
    NAMESPACES,
    PODS,
    PRIORITY_CLASSES,
    QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Kind,
)
from cluster.objects import Json, at, deleting, name_of, namespace_of
from cluster.pod_security import violations
from cluster.quantities import amount, total, written
from cluster.storage import Storage

BUILT_IN_PRIORITIES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
COUNTED: Final = (JOBS, PODS, SERVICES, SECRETS)
ENDED: Final = ("Succeeded", "Failed")


def admit(storage: Storage, kind: Kind, thing: Json) -> None:
    """Raise for what may not come in; fill in what admission fills in."""
    if kind.namespaced:
        _admit_to_namespace(storage, kind, thing)
    if kind is PODS:
        _admit_priority(storage, thing)
        _admit_account(storage, thing)
        _admit_security(storage, thing)
    if kind in COUNTED:
        _admit_quota(storage, kind, thing)


def _admit_to_namespace(storage: Storage, kind: Kind, thing: Json) -> None:
    namespace = storage.find(NAMESPACES, "", namespace_of(thing))
    if namespace is None:
        raise not_found(NAMESPACES, namespace_of(thing))
    if deleting(namespace) and kind is not EVENTS:
        why = f"unable to create new content in namespace {namespace_of(thing)} because it is being terminated"
        raise forbidden(kind, name_of(thing), why)


def _admit_priority(storage: Storage, pod: Json) -> None:
    name = pod["spec"].get("priorityClassName")
    if not name:
        pod["spec"]["priority"] = 0
        return
    found = storage.find(PRIORITY_CLASSES, "", name)
    if found is None and name not in BUILT_IN_PRIORITIES:
        raise forbidden(PODS, name_of(pod), f"no PriorityClass with name {name} was found")
    pod["spec"]["priority"] = BUILT_IN_PRIORITIES[name] if found is None else found["value"]
    if found is not None and "preemptionPolicy" in found:
        pod["spec"]["preemptionPolicy"] = found["preemptionPolicy"]


def _admit_account(storage: Storage, pod: Json) -> None:
    name, namespace = pod["spec"]["serviceAccountName"], namespace_of(pod)
    if storage.find(SERVICE_ACCOUNTS, namespace, name) is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden(PODS, name_of(pod), why)


def _admit_security(storage: Storage, pod: Json) -> None:
    namespace = storage.get(NAMESPACES, "", namespace_of(pod))
    level = at(namespace, "metadata", "labels", "pod-security.kubernetes.io/enforce", default="privileged")
    found = violations(pod["spec"], level)
    if found:
        raise forbidden(PODS, name_of(pod), f'violates PodSecurity "{level}:latest": {", ".join(found)}')


def usage_of(kind: Kind, thing: Json) -> dict[str, Decimal]:
    """What a quota counts of an object."""
    one = Decimal(1)
    counted = {f"count/{kind.qualified}": one}
    if kind is not PODS:
        return {**counted, kind.plural: one} if not kind.group else counted
    if thing["status"].get("phase") in ENDED:
        return counted
    usage = {**counted, "pods": one}
    for group in ("requests", "limits"):
        for name, value in pod_resources(thing["spec"], group).items():
            usage[f"{group}.{name}"] = value
            if group == "requests" and "/" not in name:
                usage[name] = value
    return usage


def pod_resources(spec: Json, group: str = "requests") -> dict[str, Decimal]:
    """What all containers of a pod ask for together."""

    def asked(container: Json) -> dict[str, Decimal]:
        found: Mapping[str, str] = at(container, "resources", group, default={})
        return {name: amount(value) for name, value in found.items()}

    together = total([asked(container) for container in spec["containers"]])
    for container in spec.get("initContainers", []):
        for name, value in asked(container).items():
            together[name] = max(value, together.get(name, value))
    return together


def used_in(storage: Storage, namespace: str) -> dict[str, Decimal]:
    """What a namespace uses now."""
    return total([usage_of(kind, thing) for kind in COUNTED for thing in storage.all_of(kind, namespace)])


def _admit_quota(storage: Storage, kind: Kind, thing: Json) -> None:
    for quota in storage.all_of(QUOTAS, namespace_of(thing)):
        if refusal := _over(storage, quota, kind, thing):
            raise forbidden(kind, name_of(thing), refusal)


def _over(storage: Storage, quota: Json, kind: Kind, thing: Json) -> str:
    hard: Mapping[str, str] = at(quota, "spec", "hard", default={})
    asked = usage_of(kind, thing)
    if kind is PODS and (missing := _unsaid(hard, thing)):
        return f"failed quota: {name_of(quota)}: must specify {missing}"
    used = used_in(storage, namespace_of(thing))
    over = sorted(
        name for name in hard if asked.get(name) and used.get(name, Decimal(0)) + asked[name] > amount(hard[name])
    )
    if not over:
        return ""

    def listed(values: Mapping[str, Decimal]) -> str:
        return ",".join(f"{name}={written(values.get(name, Decimal(0)), hard[name])}" for name in over)

    limited = ",".join(f"{name}={hard[name]}" for name in over)
    return f"exceeded quota: {name_of(quota)}, requested: {listed(asked)}, used: {listed(used)}, limited: {limited}"


def _unsaid(hard: Mapping[str, str], pod: Json) -> str:
    """A quota on a resource wants every container to say how much of it."""
    missing: dict[str, list[str]] = {}
    for name in sorted(hard):
        group, dot, resource = name.partition(".")
        group, resource = (group, resource) if dot else ("requests", name)
        if resource not in {"cpu", "memory"}:
            continue
        for container in pod["spec"]["containers"]:
            if resource not in at(container, "resources", group, default={}):
                missing.setdefault(name, []).append(container["name"])
    return "; ".join(f"{name} for: {','.join(names)}" for name, names in missing.items())
