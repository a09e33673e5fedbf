"""The kubelets of all nodes: they run each pod's containers and report what becomes of them."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster.api import Api
from cluster.events import Recorder
from cluster.images import Images
from cluster.kinds import PODS
from cluster.objects import Json, deleting, name_of, namespace_of, uid_of
from cluster.pod_environment import Names, Surroundings
from cluster.pod_worker import PodWorker, Stop


@dataclass
class Machines:
    """Nodes whose kubelets say nothing now, and how patient the control plane is with them."""

    silent: dict[str, float] = field(default_factory=dict)
    """Since when, by the monotonic clock."""
    unknown_seconds: float = 1.0
    eviction_seconds: float = 1.0


class Kubelet:
    """One for all nodes; each pod has a worker."""

    def __init__(
        self,
        api: Api,
        folder: Path,
        images: Images,
        machines: Machines,
        kept: Sequence[Path],
        changed: Callable[[], object],
    ) -> None:
        self._api = api
        self._folder = folder
        self._images = images
        self._machines = machines
        self._kept = kept
        self._changed = changed
        self._events = Recorder(api, "kubelet")
        self._names = Names()
        self._workers: dict[str, PodWorker] = {}

    def sync(self) -> float | None:
        """Bring every pod one step further; seconds until something is due."""
        there = {uid_of(pod): pod for pod in self._api.storage.all_of(PODS) if pod["spec"].get("nodeName")}
        for uid in [uid for uid in self._workers if uid not in there]:
            self._drop(uid)
        due = [self._step(pod) for pod in there.values() if pod["spec"]["nodeName"] not in self._machines.silent]
        return min((one for one in due if one is not None), default=None)

    def worker(self, pod: Json) -> PodWorker | None:
        """Who looks after a pod."""
        return self._workers.get(uid_of(pod))

    def stop(self, pod: Json, stop: Stop) -> None:
        """End a pod from its node: pressure, shutdown, deadline."""
        worker = self._workers.get(uid_of(pod))
        if worker is not None:
            worker.stop_because(stop)

    def lose(self, node: str) -> None:
        """The machine is gone, with all that ran on it."""
        for pod in self._api.storage.all_of(PODS):
            if pod["spec"].get("nodeName") == node and (worker := self._workers.get(uid_of(pod))) is not None:
                worker.close()

    def close(self) -> None:
        """Let no process live on."""
        for uid in list(self._workers):
            self._drop(uid)

    def _step(self, pod: Json) -> float | None:
        worker = self._workers.get(uid_of(pod))
        if worker is None:
            if pod["status"]["phase"] in {"Succeeded", "Failed"}:
                return None
            folder = self._folder / uid_of(pod)
            surroundings = Surroundings(self._api.storage, self._names, folder, self._kept)
            worker = PodWorker(folder, surroundings, self._images, self._events, self._changed)
            self._workers[uid_of(pod)] = worker
        due = worker.step(pod)
        self._api.edit(PODS, pod, lambda now: now.update(status=worker.status(now)))
        if deleting(pod) and worker.over and pod["metadata"]["deletionGracePeriodSeconds"] > 0:
            self._api.delete(
                PODS, namespace_of(pod), name_of(pod), {"gracePeriodSeconds": 0, "preconditions": {"uid": uid_of(pod)}}
            )
        return due

    def _drop(self, uid: str) -> None:
        worker = self._workers.pop(uid)
        worker.close()
        shutil.rmtree(worker.folder, ignore_errors=True)
