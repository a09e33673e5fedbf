"""What a job that has not begun waits for, in words, and whether waiting will help.

The last obstacle on its way counts: the queue, then the quota, then a machine, then the image.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from slipway.platform.jobs.launchers.kubernetes.names import QUEUE
from slipway.platform.jobs.launchers.kubernetes.objects import Event, Job, Pod, Queue, Workload
from slipway.platform.jobs.launchers.kubernetes.quantities import exceeded
from slipway.platform.jobs.launchers.kubernetes.scheduling import unscheduled
from slipway.platform.runs.records import Cause

IMAGE: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
CONFIG: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
SHORT: Final = re.compile(r"insufficient unused quota(?: in cohort)? for (\S+) in flavor (\S+), (\S+) more needed")
TOO_MUCH: Final = re.compile(
    r"insufficient quota for (\S+) in flavor (\S+), .*?request > maximum capacity \((\S+) > ([^)\s]+)\)"
)
NO_QUEUE: Final = frozenset({"Inadmissible", "ExceedsMaxQuota"})
TAKEN: Final = frozenset({"Preempted", "ClusterQueueStopped", "LocalQueueStopped", "NodeFailures"})
"""Why a queue takes back what it had given; others of its reasons are about jobs that have not begun."""
WILL_NOT: Final = ("serviceaccount ", "violates PodSecurity", "no PriorityClass", "must specify", "Invalid value")
"""What a pod is refused for that waiting will not mend."""


@dataclass(frozen=True)
class Waits:
    """What is known about a job that has not begun; what may not be asked for is left out."""

    job: Job
    pods: Sequence[Pod] = ()
    job_events: Sequence[Event] = ()
    """Of the Job, the latest last."""
    pod_events: Sequence[Event] = ()
    """Of the pod that waits."""
    workloads: Sequence[Workload] = ()
    """Of the namespace."""
    queue: Queue | None = None

    @property
    def workload(self) -> Workload | None:
        """Its own."""
        return next((one for one in self.workloads if one.of_job(self.job)), None)

    @property
    def place(self) -> tuple[int, int]:
        """Which one it is of those that wait in its queue."""
        mine = self.workload
        if mine is None:
            return 0, 0
        waiting = [one for one in self.workloads if one.waits and one.spec.queue_name == mine.spec.queue_name]
        return sum(one.order <= mine.order for one in waiting), len(waiting)


@dataclass(frozen=True)
class Why:
    """Words, and the cause where waiting will hardly help."""

    words: str
    cause: Cause | None = None
    over: bool = False
    """Whether it had begun, and will not go on as this job."""


def explain(waits: Waits) -> Why:
    """What it waits for."""
    if waits.job.metadata.leaving:
        return Why("It is being deleted.")
    if waits.job.spec.suspend:
        return queued(waits)
    pod = waiting_pod(waits.pods)
    if pod is None:
        return created(waits.job_events)
    if not pod.where:
        return scheduled(pod, waits.pod_events)
    return starting(pod, waits.pod_events)


def waiting_pod(pods: Sequence[Pod]) -> Pod | None:
    """The one that is furthest from running."""
    pending = [pod for pod in pods if not pod.over and not pod.running]
    return min(pending, key=lambda pod: (bool(pod.where), pod.waiting is None, pod.node), default=None)


def queued(waits: Waits) -> Why:
    """Kueue has not admitted it."""
    name = waits.job.metadata.labels.get(QUEUE)
    if name is None:
        return Why("It is suspended, and no queue will start it: `kubectl` or another program did that.")
    workload = waits.workload
    if workload is None:
        return Why(f"It waits in queue {name}.{_length(waits.queue)}")
    evicted = workload.status.condition("Evicted")
    if evicted is not None and evicted.reason in TAKEN:
        return Why(f"Evicted: queue {name} took its place away ({evicted.message}).", Cause.EVICTED, over=True)
    reserved = workload.status.condition("QuotaReserved", "False")
    message = reserved.message if reserved else ""
    place, of = waits.place
    there = f"in queue {name} at place {place} of {of}" if place else f"in queue {name}"
    if found := TOO_MUCH.search(message):
        resource, flavor, asked, most = found.groups()
        return Why(
            f"It asks for {asked} of {resource} ({flavor}), and queue {name} may never have more than {most}.",
            Cause.UNSCHEDULABLE,
        )
    if short := SHORT.findall(message):
        needs = ", ".join(f"{more} {resource} ({flavor})" for resource, flavor, more in short)
        return Why(f"It waits {there}; its quota is short of {needs}.")
    if reserved is not None and reserved.reason in NO_QUEUE:
        return Why(f"Queue {name} will not take it: {message}.", Cause.UNSCHEDULABLE)
    if workload.status.condition("QuotaReserved") and not workload.status.condition("Admitted"):
        return Why(f"It has its share of queue {name}, and waits for what the queue checks before it starts.")
    told = f": {message}" if message else ""
    return Why(f"It waits {there}{told}.")


def created(events: Sequence[Event]) -> Why:
    """The cluster has no pod of it yet."""
    failed = next((one for one in reversed(events) if one.reason == "FailedCreate"), None)
    if failed is None:
        return Why("The cluster has it, and has not made its pods yet.")
    if over := exceeded(failed.message):
        never = any(one.never for one in over)
        told = "; ".join(one.words for one in over)
        ending = "; it will never fit" if never else "; it starts when others have ended"
        return Why(f"It is over the namespace's quota: {told}{ending}.", Cause.UNSCHEDULABLE if never else None)
    hopeless = any(words in failed.message for words in WILL_NOT)
    return Why(f"The cluster refuses its pods: {failed.message.strip()}", Cause.UNSCHEDULABLE if hopeless else None)


def scheduled(pod: Pod, events: Sequence[Event]) -> Why:
    """It has a pod, and the pod no machine."""
    condition = pod.status.condition("PodScheduled", "False")
    if condition is None:
        return Why("It waits for the scheduler.")
    if condition.reason == "SchedulingGated":
        return Why("Its pods are held back until somebody lets them go (scheduling gates).")
    why = unscheduled(condition.message, events)
    return Why(f"{why.words[:1].upper()}{why.words[1:]}.", Cause.UNSCHEDULABLE if why.hopeless else None)


def starting(pod: Pod, events: Sequence[Event]) -> Why:
    """It has a machine, and has not begun there."""
    waiting = pod.waiting
    reason, message = (waiting.reason, waiting.message) if waiting else ("", "")
    if reason in IMAGE:
        return Why(f"Its image cannot be had on {pod.where} ({reason}): {message.strip()}", Cause.IMAGE_MISSING)
    if reason in CONFIG:
        return Why(f"It cannot be started on {pod.where} ({reason}): {message.strip()}", Cause.UNSCHEDULABLE)
    last = events[-1] if events else None
    if last is not None and last.reason == "Pulling":
        return Why(f"{pod.where} fetches its image.")
    if last is not None and last.type == "Warning":
        return Why(f"It is being started on {pod.where}: {last.message.strip()}")
    return Why(f"It is being started on {pod.where}.")


def _length(queue: Queue | None) -> str:
    if queue is None:
        return ""
    return f" {queue.status.pending_workloads} wait there, {queue.status.admitted_workloads} run."
