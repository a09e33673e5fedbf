"""What a path and a method mean: the kind, the object and the verb that RBAC knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from cluster.errors import no_such_path, not_allowed
from cluster.faults import Request
from cluster.kinds import NAMESPACES, Kind, find_kind

VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "GET": "get", "DELETE": "delete", "HEAD": "get"}


@dataclass(frozen=True)
class Target:
    """One request for objects."""

    verb: str
    kind: Kind
    namespace: str
    name: str
    part: str
    """The subresource, or nothing."""
    query: Mapping[str, str]

    @property
    def space(self) -> str:
        """The namespace of the objects themselves."""
        return self.namespace if self.kind.namespaced else ""

    def request(self, user: str) -> Request:
        resource = f"{self.kind.plural}/{self.part}" if self.part else self.kind.plural
        return Request(self.verb, resource, self.kind.group, self.namespace, self.name, user)


def truth(query: Mapping[str, str], name: str) -> bool:
    """A switch among the parameters, as a server reads it: the Python client writes `True`."""
    return query.get(name, "") in {"1", "t", "T", "true", "True", "TRUE"}


def query_of(path: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))


def target_of(method: str, path: str) -> Target | None:
    """What is asked; None for paths that are not about objects."""
    steps = [unquote(step) for step in urlsplit(path).path.strip("/").split("/")]
    if steps[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", steps[2:]
    elif steps[:1] == ["apis"] and len(steps) >= 3:
        group, version, rest = steps[1], steps[2], steps[3:]
    else:
        return None
    if not rest:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in NAMESPACES.subresources and rest[2] != "finalize":
        namespace, rest = rest[1], rest[2:]
    kind = find_kind(group, version, rest[0])
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        raise no_such_path()
    name, part = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
    if part and part not in kind.subresources:
        raise no_such_path()
    if kind is NAMESPACES and name:
        namespace = name
    query = query_of(path)
    return Target(_verb(method, name, query), kind, namespace, name, part, query)


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    verb = VERBS.get(method)
    if verb is None:
        raise not_allowed()
    if method in {"GET", "HEAD"} and not name:
        return "watch" if truth(query, "watch") else "list"
    if method == "DELETE" and not name:
        return "deletecollection"
    return verb
