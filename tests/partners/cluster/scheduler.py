"""The scheduler: a node for each pod, or the reason why there is none, in a real scheduler's words."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from cluster.admission import ENDED, pod_resources
from cluster.api import Api
from cluster.events import Recorder
from cluster.kinds import NODES, PODS
from cluster.objects import (
    Json,
    at,
    condition,
    deleting,
    holds,
    labels_of,
    name_of,
    namespace_of,
    set_condition,
)
from cluster.quantities import amount, total

OPERATORS: Final[dict[str, Callable[[str | None, list[str]], bool]]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, values: value is not None,  # noqa: ARG005 - one table
    "DoesNotExist": lambda value, values: value is None,  # noqa: ARG005 - one table
    "Gt": lambda value, values: value is not None and int(value) > int(values[0]),
    "Lt": lambda value, values: value is not None and int(value) < int(values[0]),
}


class Scheduler:
    """Binds pods to nodes; a pod of higher priority takes the place of lower ones."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._events = Recorder(api, "default-scheduler")

    def sync(self) -> None:
        """Look at every pod that has no node, the most important first."""
        waiting = [
            pod for pod in self._api.storage.all_of(PODS) if not pod["spec"].get("nodeName") and not deleting(pod)
        ]
        for pod in sorted(waiting, key=lambda pod: -pod["spec"].get("priority", 0)):
            if not pod["spec"].get("schedulingGates"):
                self._place(pod)

    def _place(self, pod: Json) -> None:
        nodes = self._api.storage.all_of(NODES)
        reasons = {name_of(node): self._refusals(pod, node) for node in nodes}
        fitting = [node for node in nodes if not reasons[name_of(node)]]
        if fitting:
            self._bind(pod, name_of(fitting[0]))
            return
        victims = self._victims(pod, nodes, reasons)
        for victim in victims:
            self._preempt(pod, victim)
        self._refuse(pod, explained(len(nodes), reasons, preempting=bool(victims)))

    def _bind(self, pod: Json, node: str) -> None:
        def bound(now: Json) -> None:
            now["spec"]["nodeName"] = node
            set_condition(now, "PodScheduled", "True")

        self._api.edit(PODS, pod, bound)
        self._events.tell(pod, "Scheduled", f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {node}")

    def _refuse(self, pod: Json, words: str) -> None:
        told = condition(pod, "PodScheduled")
        if told is not None and told.get("message") == words:
            return
        self._api.edit(PODS, pod, lambda now: set_condition(now, "PodScheduled", "False", "Unschedulable", words))
        self._events.warn(pod, "FailedScheduling", words)

    def _refusals(self, pod: Json, node: Json) -> list[str]:
        """Why a node will not do; nothing where it will."""
        if at(node, "spec", "unschedulable"):
            return ["node(s) were unschedulable"]
        if not _wanted(pod, node):
            return ["node(s) didn't match Pod's node affinity/selector"]
        if taint := _untolerated(pod, node):
            return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
        free = self._free(node, self._guests(node))
        asked = {**pod_resources(pod["spec"]), "pods": Decimal(1)}
        lacking = sorted(name for name, value in asked.items() if value > free.get(name, Decimal(0)))
        return ["Too many pods" if name == "pods" else f"Insufficient {name}" for name in lacking]

    def _guests(self, node: Json) -> list[Json]:
        pods = self._api.storage.all_of(PODS)
        return [
            one for one in pods if one["spec"].get("nodeName") == name_of(node) and one["status"]["phase"] not in ENDED
        ]

    def _free(self, node: Json, guests: list[Json]) -> dict[str, Decimal]:
        used = total([{**pod_resources(one["spec"]), "pods": Decimal(1)} for one in guests])
        whole = {name: amount(value) for name, value in node["status"]["allocatable"].items()}
        return {name: value - used.get(name, Decimal(0)) for name, value in whole.items()}

    def _victims(self, pod: Json, nodes: list[Json], reasons: dict[str, list[str]]) -> list[Json]:
        """The less important pods of one node whose end makes room."""
        if pod["spec"].get("preemptionPolicy") == "Never":
            return []
        asked = {**pod_resources(pod["spec"]), "pods": Decimal(1)}
        for node in nodes:
            if any("Insufficient" not in reason and reason != "Too many pods" for reason in reasons[name_of(node)]):
                continue
            guests = sorted(self._guests(node), key=lambda one: one["spec"].get("priority", 0), reverse=True)
            chosen: list[Json] = []
            while guests and guests[-1]["spec"].get("priority", 0) < pod["spec"].get("priority", 0):
                chosen.append(guests.pop())
                free = self._free(node, guests)
                if all(value <= free.get(name, Decimal(0)) for name, value in asked.items()):
                    return chosen
        return []

    def _preempt(self, pod: Json, victim: Json) -> None:
        if deleting(victim):
            return
        words = f"{pod['spec']['schedulerName']}: preempting to accommodate a higher priority pod"
        disrupt(self._api, victim, "PreemptionByScheduler", words)
        self._api.delete(PODS, namespace_of(victim), name_of(victim))
        self._events.tell(
            victim, "Preempted", f"Preempted by pod {pod['metadata']['uid']} on node {victim['spec']['nodeName']}"
        )


def disrupt(api: Api, pod: Json, reason: str, message: str) -> None:
    """Note on a pod that others end it."""
    if not holds(pod, "DisruptionTarget"):
        api.edit(PODS, pod, lambda now: set_condition(now, "DisruptionTarget", "True", reason, message))


def explained(number: int, reasons: dict[str, list[str]], *, preempting: bool = False) -> str:
    """Why no node will do, as `kubectl describe` shows it."""
    if number == 0:
        return "no nodes available to schedule pods"
    counted = Counter(reason for one in reasons.values() for reason in one)
    listed = ", ".join(sorted(f"{count} {reason}" for reason, count in counted.items()))
    words = f"0/{number} nodes are available: {listed}."
    if preempting:
        return words
    full = sum(all(reason.startswith(("Insufficient", "Too many")) for reason in one) for one in reasons.values())
    hopes = [f"{full} No preemption victims found for incoming pod"] if full else []
    hopes += [f"{number - full} Preemption is not helpful for scheduling"] if number > full else []
    return f"{words} preemption: 0/{number} nodes are available: {', '.join(hopes)}."


def _wanted(pod: Json, node: Json) -> bool:
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in pod["spec"].get("nodeSelector", {}).items()):
        return False
    required = at(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(
        all(
            OPERATORS[one["operator"]](labels.get(one["key"]), one.get("values", []))
            for one in term.get("matchExpressions", [])
        )
        for term in required["nodeSelectorTerms"]
    )


def _untolerated(pod: Json, node: Json) -> Json | None:
    tolerations = pod["spec"].get("tolerations", [])
    for taint in at(node, "spec", "taints", default=[]):
        if taint["effect"] != "PreferNoSchedule" and not any(tolerates(one, taint) for one in tolerations):
            found: Json = taint
            return found
    return None


def tolerates(toleration: Json, taint: Json) -> bool:
    """Whether a taint is no matter to one who tolerates this."""
    if toleration.get("effect") not in {None, "", taint["effect"]}:
        return False
    if toleration.get("key") not in {None, "", taint["key"]}:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")
