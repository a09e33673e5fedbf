"""What the control plane does about nodes that say nothing: first the node is unknown, later its pods are given up.

A pod on a silent node is only marked for deletion: nobody is there to end it. It stays until the node speaks again,
or until the node object is deleted and the pod garbage collector fails it. A real server waits 40 and 300 seconds;
here the test says how long.
"""

import time

from cluster.api import Api
from cluster.kinds import NODES, PODS
from cluster.kubelet import Machines
from cluster.objects import Json, deleting, holds, moment, name_of, namespace_of, set_condition
from cluster.scheduler import disrupt

UNREACHABLE = "node.kubernetes.io/unreachable"


class NodeController:
    """Node lifecycle, taint manager and pod garbage collector."""

    def __init__(self, api: Api, machines: Machines) -> None:
        self._api = api
        self._machines = machines

    def sync(self) -> float | None:
        nodes = self._api.storage.all_of(NODES)
        due = [self._judge(node) for node in nodes]
        self._fail_orphans({name_of(node) for node in nodes})
        return min((one for one in due if one is not None), default=None)

    def _judge(self, node: Json) -> float | None:
        since = self._machines.silent.get(name_of(node))
        if since is None:
            if not holds(node, "Ready"):
                self._api.edit(NODES, node, _welcome)
            return None
        silence = time.monotonic() - since
        if silence < self._machines.unknown_seconds:
            return self._machines.unknown_seconds - silence
        if holds(node, "Ready"):
            self._api.edit(NODES, node, _give_up)
        for pod in self._pods_of(node):
            if holds(pod, "Ready"):
                self._api.edit(PODS, pod, lambda now: set_condition(now, "Ready", "False"))
        left = self._machines.unknown_seconds + self._machines.eviction_seconds - silence
        if left > 0:
            return left
        for pod in self._pods_of(node):
            if not deleting(pod):
                disrupt(self._api, pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
                self._api.delete(PODS, namespace_of(pod), name_of(pod))
        return None

    def _pods_of(self, node: Json) -> list[Json]:
        return [
            pod
            for pod in self._api.storage.all_of(PODS)
            if pod["spec"].get("nodeName") == name_of(node) and pod["status"]["phase"] not in {"Succeeded", "Failed"}
        ]

    def _fail_orphans(self, nodes: set[str]) -> None:
        for pod in self._api.storage.all_of(PODS):
            if pod["spec"].get("nodeName", "") in {"", *nodes} or pod["status"]["phase"] in {"Succeeded", "Failed"}:
                continue
            disrupt(self._api, pod, "DeletionByPodGC", "PodGC: node no longer exists")
            self._api.edit(PODS, pod, lambda now: now["status"].update(phase="Failed"))
            self._api.delete(PODS, namespace_of(pod), name_of(pod), {"gracePeriodSeconds": 0})


def _give_up(node: Json) -> None:
    set_condition(node, "Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    taints = node["spec"].setdefault("taints", [])
    for effect in ("NoSchedule", "NoExecute"):
        taints.append({"key": UNREACHABLE, "effect": effect, "timeAdded": moment()})


def _welcome(node: Json) -> None:
    set_condition(node, "Ready", "True", "KubeletReady", "kubelet is posting ready status")
    node["spec"]["taints"] = [one for one in node["spec"].get("taints", []) if one["key"] != UNREACHABLE]
