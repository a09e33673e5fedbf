"""What kinds of objects the server has, and how discovery describes them."""

from dataclasses import dataclass
from typing import Final

from cluster.objects import Json

VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Kind:
    """One kind of object."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    schema: str = ""
    """Its definition among the schemas; empty for custom resources, which may hold anything."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As messages name it: `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def describe(self) -> list[Json]:
        """Its entries in discovery."""
        entry = {"name": self.plural, "singularName": self.kind.lower(), "namespaced": self.namespaced}
        own: Json = {**entry, "kind": self.kind, "verbs": list(VERBS), "shortNames": list(self.short)}
        below: list[Json] = [
            {
                "name": f"{self.plural}/{name}",
                "singularName": "",
                "namespaced": self.namespaced,
                "kind": self.kind,
                "verbs": verbs,
            }
            for name in self.subresources
            for verbs in [
                ["get"] if name == "log" else ["create"] if name == "eviction" else ["get", "patch", "update"]
            ]
        ]
        return [own, *below]


def _core(
    plural: str, kind: str, *, namespaced: bool = True, short: str = "", subresources: tuple[str, ...] = ()
) -> Kind:
    shorts = (short,) if short else ()
    return Kind("", "v1", plural, kind, namespaced, shorts, subresources, f"io.k8s.api.core.v1.{kind}")


def _named(group: str, short: str, plural: str, kind: str, *, namespaced: bool = True) -> Kind:
    return Kind(group, "v1", plural, kind, namespaced, (), (), f"io.k8s.api.{short}.v1.{kind}")


def _queue(plural: str, kind: str, *, namespaced: bool = True) -> Kind:
    return Kind("kueue.x-k8s.io", "v1beta1", plural, kind, namespaced, (), ("status",))


NAMESPACES: Final = _core("namespaces", "Namespace", namespaced=False, short="ns", subresources=("status",))
PODS: Final = _core("pods", "Pod", short="po", subresources=("status", "log", "eviction"))
SERVICES: Final = _core("services", "Service", short="svc", subresources=("status",))
SECRETS: Final = _core("secrets", "Secret")
CONFIG_MAPS: Final = _core("configmaps", "ConfigMap", short="cm")
EVENTS: Final = _core("events", "Event", short="ev")
QUOTAS: Final = _core("resourcequotas", "ResourceQuota", short="quota", subresources=("status",))
NODES: Final = _core("nodes", "Node", namespaced=False, short="no", subresources=("status",))
SERVICE_ACCOUNTS: Final = _core("serviceaccounts", "ServiceAccount", short="sa")
JOBS: Final = Kind("batch", "v1", "jobs", "Job", subresources=("status",), schema="io.k8s.api.batch.v1.Job")
PRIORITY_CLASSES: Final = _named(
    "scheduling.k8s.io", "scheduling", "priorityclasses", "PriorityClass", namespaced=False
)
ROLES: Final = _named("rbac.authorization.k8s.io", "rbac", "roles", "Role")
ROLE_BINDINGS: Final = _named("rbac.authorization.k8s.io", "rbac", "rolebindings", "RoleBinding")
NETWORK_POLICIES: Final = _named("networking.k8s.io", "networking", "networkpolicies", "NetworkPolicy")
WORKLOADS: Final = _queue("workloads", "Workload")
LOCAL_QUEUES: Final = _queue("localqueues", "LocalQueue")
CLUSTER_QUEUES: Final = _queue("clusterqueues", "ClusterQueue", namespaced=False)
RESOURCE_FLAVORS: Final = _queue("resourceflavors", "ResourceFlavor", namespaced=False)

KINDS: Final = (
    NAMESPACES, PODS, SERVICES, SECRETS, CONFIG_MAPS, EVENTS, QUOTAS, NODES, SERVICE_ACCOUNTS, JOBS, PRIORITY_CLASSES,
    ROLES, ROLE_BINDINGS, NETWORK_POLICIES, WORKLOADS, LOCAL_QUEUES, CLUSTER_QUEUES, RESOURCE_FLAVORS,
)  # fmt: skip


def groups() -> dict[str, str]:
    """The version of each API group but the core."""
    return {kind.group: kind.version for kind in KINDS if kind.group}


def find_kind(group: str, version: str, plural: str) -> Kind | None:
    """The kind behind a path."""
    return next((kind for kind in KINDS if (kind.group, kind.version, kind.plural) == (group, version, plural)), None)
