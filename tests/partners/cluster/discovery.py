"""What the server says about itself: version, groups, resources, health."""

from typing import Final

from cluster.kinds import KINDS, groups
from cluster.objects import Json

VERSION: Final = {
    "major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "", "gitTreeState": "clean",
    "buildDate": "2025-04-23T13:00:00Z", "goVersion": "go1.24.2", "compiler": "gc", "platform": "linux/amd64",
}  # fmt: skip


def describe(path: str) -> Json | str | None:
    """The answer to a path that is about no object; None where there is none."""
    steps = path.partition("?")[0].strip("/").split("/")
    match steps:
        case ["version"]:
            return dict(VERSION)
        case ["healthz" | "livez" | "readyz"]:
            return "ok"
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in groups()]}
        case ["apis", name] if name in groups():
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}
        case ["api", "v1"]:
            return _resources("", "v1")
        case ["apis", name, version] if groups().get(name) == version:
            return _resources(name, version)
        case _:
            return None


def _group(name: str) -> Json:
    version = {"groupVersion": f"{name}/{groups()[name]}", "version": groups()[name]}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(group: str, version: str) -> Json:
    found = [entry for kind in KINDS if kind.group == group for entry in kind.describe()]
    name = f"{group}/{version}".strip("/")
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found}
