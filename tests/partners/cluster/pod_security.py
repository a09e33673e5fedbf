"""Pod security standards: what the levels `baseline` and `restricted` refuse, in a real server's words."""

from collections.abc import Iterator
from typing import Any, Final

from cluster.objects import Json, at

VOLUMES: Final = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)


def violations(spec: Json, level: str) -> list[str]:
    """What the level refuses of a pod."""
    if level == "privileged":
        return []
    found = list(_baseline(spec))
    return found if level == "baseline" else [*found, *_restricted(spec)]


def _containers(spec: Json) -> list[Json]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def _named(containers: list[Json]) -> str:
    names = ", ".join(f'"{one["name"]}"' for one in containers)
    return f"container{'s' if len(containers) > 1 else ''} {names}"


def _baseline(spec: Json) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"host namespaces ({field}=true)"
    paths = [f'"{volume["name"]}"' for volume in spec.get("volumes", []) if "hostPath" in volume]
    if paths:
        yield f"hostPath volumes (volume{'s' if len(paths) > 1 else ''} {', '.join(paths)})"
    privileged = [one for one in _containers(spec) if at(one, "securityContext", "privileged")]
    if privileged:
        yield f"privileged ({_named(privileged)} must not set securityContext.privileged=true)"


def _restricted(spec: Json) -> Iterator[str]:
    def missing(wanted: Any, *path: str, inherit: bool = True) -> list[Json]:
        of_pod = at(spec, "securityContext", *path) if inherit else None
        return [one for one in _containers(spec) if at(one, "securityContext", *path, default=of_pod) not in wanted]

    if escalating := missing([False], "allowPrivilegeEscalation", inherit=False):
        words = "must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({_named(escalating)} {words})"
    able = [
        one for one in _containers(spec) if "ALL" not in at(one, "securityContext", "capabilities", "drop", default=[])
    ]
    if able:
        yield f'unrestricted capabilities ({_named(able)} must set securityContext.capabilities.drop=["ALL"])'
    for volume in spec.get("volumes", []):
        if kinds := set(volume) - {"name", *VOLUMES}:
            yield f'restricted volume types (volume "{volume["name"]}" uses restricted volume type "{kinds.pop()}")'
    if roots := missing([True], "runAsNonRoot"):
        yield f"runAsNonRoot != true (pod or {_named(roots)} must set securityContext.runAsNonRoot=true)"
    if at(spec, "securityContext", "runAsUser") == 0:
        yield "runAsUser=0 (pod must not set runAsUser=0)"
    if free := missing(["RuntimeDefault", "Localhost"], "seccompProfile", "type"):
        words = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {_named(free)} {words})"
