"""What the launcher may ask the cluster, and nothing else: the Role in infra/kubernetes has exactly these verbs.

The client refuses what does not stand here, so a right that is used and not granted is found by the first test.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Resource:
    """One kind of object, as the server's paths and Roles name it."""

    group: str
    version: str
    plural: str

    @property
    def shown(self) -> str:
        """As the server's messages name it: `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "", below: str = "") -> str:
        """Where it is on the server."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = (base, "namespaces", namespace, self.plural, name, below)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True)
class Right:
    """One verb on one kind of object, in the launcher's namespace."""

    verb: str
    resource: Resource
    below: str = ""
    """A part of the object, such as a pod's log."""

    @property
    def named(self) -> str:
        """The resource, as a Role names it."""
        return f"{self.resource.plural}/{self.below}" if self.below else self.resource.plural


JOBS: Final = Resource("batch", "v1", "jobs")
SERVICES: Final = Resource("", "v1", "services")
PODS: Final = Resource("", "v1", "pods")
EVENTS: Final = Resource("", "v1", "events")
QUOTAS: Final = Resource("", "v1", "resourcequotas")
WORKLOADS: Final = Resource("kueue.x-k8s.io", "v1beta1", "workloads")
LOCAL_QUEUES: Final = Resource("kueue.x-k8s.io", "v1beta1", "localqueues")
LOG: Final = "log"

RIGHTS: Final = (
    Right("create", JOBS),
    Right("get", JOBS),
    Right("list", JOBS),
    Right("delete", JOBS),
    Right("create", SERVICES),
    Right("get", SERVICES),
    Right("list", PODS),
    Right("get", PODS, LOG),
    Right("list", EVENTS),
    Right("list", QUOTAS),
)
"""What the launcher needs. Without events and quotas it works, and explains less."""
QUEUE_RIGHTS: Final = (Right("list", WORKLOADS), Right("get", LOCAL_QUEUES))
"""What it asks besides where targets have a queue; it works without, and explains less."""


def right(verb: str, resource: Resource, below: str = "") -> Right:
    """The right that a request needs."""
    wanted = Right(verb, resource, below)
    if wanted not in (*RIGHTS, *QUEUE_RIGHTS):
        raise LookupError(f"RIGHTS has no {wanted.verb} {wanted.named}")
    return wanted
