"""The cluster as tests hold it: started in this process with its nodes and controllers, and all gone at the end."""

import base64
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import yaml

from cluster.access import User
from cluster.answering import Answers
from cluster.api import Api, ApiError
from cluster.events import Recorder
from cluster.faults import Faults, Request
from cluster.garbage import GarbageCollector
from cluster.images import Image, Images
from cluster.job_controller import JobController
from cluster.kinds import KINDS, NAMESPACES, NODES, PODS, SECRETS, SERVICE_ACCOUNTS, Kind
from cluster.kubelet import Kubelet, Machines
from cluster.logs import LogReader
from cluster.node_controller import NodeController
from cluster.objects import Json, name_of, set_condition
from cluster.pod_worker import Stop
from cluster.queueing import QueueController
from cluster.quota_controller import QuotaController
from cluster.scheduler import Scheduler, disrupt
from cluster.server import ApiServer
from cluster.storage import Storage

IDLE_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Node:
    """A machine of the cluster."""

    name: str
    cpu: str = "16"
    memory: str = "64Gi"
    resources: Mapping[str, str] = field(default_factory=dict)
    """Beyond these: GPUs, disk."""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Json] = ()

    def thing(self) -> Json:
        whole = {"cpu": self.cpu, "memory": self.memory, "pods": "110", "ephemeral-storage": "500Gi", **self.resources}
        labels = {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux", **self.labels}
        return {
            "metadata": {"name": self.name, "labels": labels},
            "spec": {"taints": list(self.taints)} if self.taints else {},
            "status": {"capacity": whole, "allocatable": whole},
        }


class Cluster:
    """A server with its controllers, as a context manager.

    `kubeconfig` is a file for clients; they are the user `tester`, who may do what `role` (a Role's manifest or its
    rules) says, in `namespace`, or everything where there is no role. `admin_kubeconfig` may do everything always.
    Paths below `host_paths` (by default the folder's parent) mean the same inside pods. A silent node is unknown after
    `unknown_seconds`, and its pods are given up `eviction_seconds` later.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: Sequence[Node] = (Node("node-a"), Node("node-b")),
        images: Mapping[str, Image] | Iterable[str] = (),
        role: Json | Sequence[Json] | None = None,
        namespace: str = "slipway",
        service_accounts: Sequence[str] = ("slipway-job",),
        host_paths: Sequence[Path] | None = None,
        unknown_seconds: float = 1.0,
        eviction_seconds: float = 1.0,
    ) -> None:
        self.folder = folder
        self.namespace = namespace
        self.images = Images(images)
        self.faults = Faults()
        self.errors: list[BaseException] = []
        """What went wrong inside the test partner itself; raised at the end."""
        self._first = (tuple(nodes), tuple(service_accounts))
        self._machines = Machines(unknown_seconds=unknown_seconds, eviction_seconds=eviction_seconds)
        self._storage = Storage()
        self._api = Api(self._storage)
        self._users: dict[str, User] = {}
        kept = [folder.parent] if host_paths is None else list(host_paths)
        self._kubelet = Kubelet(self._api, folder / "pods", self.images, self._machines, kept, self._wake)
        self._server = ApiServer(
            Answers(self._api, LogReader(self._kubelet.worker, lambda: self._stopping), lambda: self._stopping),
            self._users,
            self.faults,
        )
        self._stopping = False
        self._queueing = QueueController(self._api)
        self._controllers: list[Callable[[], float | None]] = [
            self._queueing.sync,
            JobController(self._api).sync,
            QuotaController(self._api).sync,
            Scheduler(self._api).sync,
            self._kubelet.sync,
            NodeController(self._api, self._machines).sync,
            GarbageCollector(self._api).sync,
        ]
        self._thread = threading.Thread(target=self._control, name="controllers", daemon=True)
        rules = role.get("rules", []) if isinstance(role, Mapping) else role
        self._tester = User("tester", rules, namespace if rules is not None else None)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        nodes, accounts = self._first
        for name in dict.fromkeys(("default", "kube-system", self.namespace)):
            self._api.create(NAMESPACES, "", {"metadata": {"name": name}})
        for node in nodes:
            self.add_node(node)
        for account in accounts:
            self._api.create(SERVICE_ACCOUNTS, self.namespace, {"metadata": {"name": account}})
        self._server.start()
        self._thread.start()
        self.kubeconfig = self._kubeconfig("kubeconfig", self._tester)
        self.admin_kubeconfig = self._kubeconfig("admin.kubeconfig", User("admin"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        self._wake()
        self._thread.join()
        self._server.stop()
        self._kubelet.close()
        if error is None and self.errors:
            raise ExceptionGroup("the test partner failed", [one for one in self.errors if isinstance(one, Exception)])

    @property
    def url(self) -> str:
        """Where the server listens."""
        return self._server.url

    @property
    def requests(self) -> list[Request]:
        """All that clients asked so far, in RBAC's words."""
        return list(self._server.requests)

    def user(self, name: str, role: Json | Sequence[Json] | None, namespace: str | None = None) -> Path:
        """Another user's kubeconfig."""
        rules = role.get("rules", []) if isinstance(role, Mapping) else role
        return self._kubeconfig(
            f"{name}.kubeconfig", User(name, rules, (namespace or self.namespace) if rules is not None else None)
        )

    def restart(self, down: Callable[[], object] | None = None) -> None:
        """Close every connection, and listen again; what happens meanwhile is `down`'s. Objects and pods go on."""
        self._server.stop()
        try:
            if down is not None:
                down()
        finally:
            self._server.start()

    # Looking and changing from behind the server.

    def things(self, plural: str, namespace: str | None = None) -> list[Json]:
        """All objects of a kind, such as `jobs`."""
        kind = _kind(plural)
        return self._storage.all_of(kind, (namespace or self.namespace) if kind.namespaced else "")

    def get(self, plural: str, name: str, namespace: str | None = None) -> Json | None:
        """One object, if it is there."""
        kind = _kind(plural)
        return self._storage.find(kind, (namespace or self.namespace) if kind.namespaced else "", name)

    def create(self, plural: str, thing: Json, namespace: str | None = None) -> Json:
        """Create an object as an administrator."""
        return self._api.create(_kind(plural), namespace or self.namespace, thing)

    def delete(self, plural: str, name: str, namespace: str | None = None) -> None:
        """Delete an object as an administrator, with what it owns."""
        kind = _kind(plural)
        space = (namespace or self.namespace) if kind.namespaced else ""
        self._api.delete(kind, space, name, {"propagationPolicy": "Background"})

    def secret(self, name: str, namespace: str | None = None, **values: str) -> None:
        """Create a Secret."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self._api.create(SECRETS, namespace or self.namespace, {"metadata": {"name": name}, "data": data})

    def quota(self, name: str, namespace: str | None = None, **hard: str) -> None:
        """Create a ResourceQuota, or change what it allows; `requests_cpu` stands for `requests.cpu`."""
        space = namespace or self.namespace
        wanted = {key.replace("_", ".", 1): value for key, value in hard.items()}
        kind = _kind("resourcequotas")
        found = self._storage.find(kind, space, name)
        if found is None:
            self._api.create(kind, space, {"metadata": {"name": name}, "spec": {"hard": wanted}})
        else:
            self._api.edit(kind, found, lambda now: now.update(spec={"hard": wanted}))

    def wait_for(self, true: Callable[[], Any], what: str = "", seconds: float = 30.0) -> Any:
        """Wait until something is true of the cluster; what it was."""
        until = time.monotonic() + seconds
        with self._storage.changed:
            while not (found := true()):
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"not true after {seconds} s: {what or true}")
                self._storage.changed.wait(min(left, 0.1))
            return found

    def forget_history(self) -> None:
        """Compact: watches from before now are answered 410."""
        self._storage.forget_history()

    # Nodes and what becomes of pods there.

    def add_node(self, node: Node) -> None:
        thing = node.thing()
        created = self._api.create(NODES, "", thing)

        def ready(now: Json) -> None:
            now["status"] = thing["status"]
            set_condition(now, "Ready", "True", "KubeletReady", "kubelet is posting ready status")

        self._api.edit(NODES, created, ready)

    def silence(self, node: str) -> None:
        """Its kubelet reports nothing any more; what runs there goes on."""
        self._machines.silent[node] = time.monotonic()
        self._wake()

    def lose(self, node: str) -> None:
        """The machine is gone with all that ran on it, and nobody says so."""
        self.silence(node)
        self._kubelet.lose(node)

    def restore(self, node: str) -> None:
        """It is back, and its kubelet reports."""
        self._machines.silent.pop(node, None)
        self._wake()

    def remove_node(self, node: str) -> None:
        """The node object goes, as a cloud does it with a machine that is no more."""
        self._machines.silent.setdefault(node, time.monotonic())
        self._kubelet.lose(node)
        self._api.delete(NODES, "", node)

    def starts_a_node_for(self, pod: str | Json) -> None:
        """What the cluster autoscaler says when it adds a node for a waiting pod."""
        words = "pod triggered scale-up: [{group-a 0->1 (max: 4)}]"
        Recorder(self._api, "cluster-autoscaler").tell(self._pod(pod), "TriggeredScaleUp", words)

    def queue(self, name: str, namespace: str | None = None) -> None:
        """A LocalQueue of Kueue."""
        self._queueing.add_queue(name, namespace or self.namespace)

    def admit(self, job: str) -> None:
        """Let a Job through its queue, as soon as Kueue has seen it."""
        labelled = "a Workload of the Job"
        self.wait_for(lambda: any(name_of(one).startswith(f"job-{job}-") for one in self.things("workloads")), labelled)
        self._queueing.admit(self.namespace, job)

    def take_quota_from(self, job: str) -> None:
        """What Kueue does with a Job that another one preempts: suspended again."""
        self._queueing.preempt(self.namespace, job)

    def pids(self, pod: str | Json) -> list[int]:
        """The first process of each running container of a pod."""
        worker = self._kubelet.worker(self._pod(pod))
        containers = worker.containers if worker else []
        return [one.process.pid for one in containers if one.process and one.process.pid and not one.process.ended]

    def evict(self, pod: str | Json) -> None:
        """As the eviction API does it: a drain."""
        found = self._pod(pod)
        disrupt(self._api, found, "EvictionByEvictionAPI", "Eviction API: evicting")
        self._api.delete(PODS, self.namespace, name_of(found))

    def preempt(self, pod: str | Json) -> None:
        """As the scheduler does it for a more important pod."""
        found = self._pod(pod)
        words = "default-scheduler: preempting to accommodate a higher priority pod"
        disrupt(self._api, found, "PreemptionByScheduler", words)
        self._api.delete(PODS, self.namespace, name_of(found))
        Recorder(self._api, "default-scheduler").tell(found, "Preempted", "Preempted by a pod of higher priority")

    def shut_down(self, node: str, grace: float | None = None) -> None:
        """As a kubelet does it whose machine shuts down."""
        words = "Pod was terminated in response to imminent node shutdown."
        self._stop_all(node, Stop("Terminated", words, "TerminationByKubelet", grace))

    def put_under_pressure(self, pod: str | Json, resource: str = "memory") -> None:
        """As a kubelet evicts a pod of a node that is short of something: without grace."""
        words = f"The node was low on resource: {resource}. "
        self._kubelet.stop(self._pod(pod), Stop("Evicted", words, "TerminationByKubelet", 0))
        self._wake()

    def kill_for_memory(self, pod: str | Json) -> None:
        """As the kernel does it: 137, OOMKilled."""
        worker = self._kubelet.worker(self._pod(pod))
        for container in worker.containers if worker else []:
            if container.process is not None:
                container.process.kill("OOMKilled")

    def _stop_all(self, node: str, stop: Stop) -> None:
        for pod in self._storage.all_of(PODS):
            if pod["spec"].get("nodeName") == node:
                self._kubelet.stop(pod, stop)
        self._wake()

    def _pod(self, pod: str | Json) -> Json:
        return self._storage.get(PODS, self.namespace, pod if isinstance(pod, str) else name_of(pod))

    def _kubeconfig(self, file: str, user: User) -> Path:
        token = secrets.token_hex(16)
        self._users[token] = user
        path = self.folder / file
        context = {"cluster": "test", "user": user.name, "namespace": self.namespace}
        content = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": user.name, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
        }  # fmt: skip
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    def _wake(self) -> None:
        with self._storage.changed:
            self._woken = True
            self._storage.changed.notify_all()

    def _control(self) -> None:
        """Let every controller look, then wait for a change or for what is due."""
        while not self._stopping:
            with self._storage.changed:
                self._woken = False
                revision = self._storage.revision
            due = [self._sync(one) for one in self._controllers]
            wait = min((one for one in due if one is not None), default=IDLE_SECONDS)
            with self._storage.changed:
                if self._storage.revision == revision and not self._woken and not self._stopping:
                    self._storage.changed.wait(max(wait, 0.005))

    def _sync(self, controller: Callable[[], float | None]) -> float | None:
        try:
            return controller()
        except ApiError as error:
            if error.code not in {404, 409}:  # somebody was quicker: look again
                self.errors.append(error)
            return 0.01
        except Exception as error:  # noqa: BLE001 - told at the end, by the test's own thread
            self.errors.append(error)
            return 0.1


def _kind(plural: str) -> Kind:
    return next(kind for kind in KINDS if kind.plural == plural)
