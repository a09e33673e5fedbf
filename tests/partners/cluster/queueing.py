"""Kueue: Jobs with a queue's label wait suspended, each with a Workload, until the test lets them in."""

from typing import Final

from cluster.api import Api
from cluster.events import Recorder
from cluster.job_controller import finished
from cluster.kinds import CLUSTER_QUEUES, JOBS, LOCAL_QUEUES, WORKLOADS
from cluster.objects import Json, at, deleting, holds, labels_of, name_of, namespace_of, set_condition, suffix, uid_of

LABEL: Final = "kueue.x-k8s.io/queue-name"
WAITING: Final = (
    "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor default-flavor, 1 more needed"
)


class QueueController:
    """Holds Jobs back, and lets in those that were admitted."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._events = Recorder(api, "batch/job-kueue-controller")

    def add_queue(self, name: str, namespace: str) -> None:
        """A LocalQueue, with a ClusterQueue of the same name behind it."""
        self._api.create(
            CLUSTER_QUEUES, "", {"metadata": {"name": name}, "spec": {"queueingStrategy": "BestEffortFIFO"}}
        )
        self._api.create(LOCAL_QUEUES, namespace, {"metadata": {"name": name}, "spec": {"clusterQueue": name}})

    def admit(self, namespace: str, job: str) -> None:
        """Give a Job its quota."""
        workload = self._workload(self._api.storage.get(JOBS, namespace, job))
        if workload is None:
            raise LookupError(f"{job} has no Workload: it has no queue, or the controller has not seen it yet")
        self._api.edit(WORKLOADS, workload, _admitted)

    def preempt(self, namespace: str, job: str) -> None:
        """Take its quota away again: the Job is suspended."""
        found = self._api.storage.get(JOBS, namespace, job)
        workload = self._workload(found)
        if workload is not None:
            self._api.edit(WORKLOADS, workload, _preempted)
        self._api.edit(JOBS, found, lambda now: now["spec"].update(suspend=True))

    def sync(self) -> None:
        for job in self._api.storage.all_of(JOBS):
            if LABEL in labels_of(job) and not deleting(job):
                self._look_after(job)

    def _look_after(self, job: Json) -> None:
        workload = self._workload(job)
        if workload is None:
            workload = self._add_workload(job)
        if finished(job):
            if not holds(workload, "Finished"):
                self._api.edit(WORKLOADS, workload, lambda now: set_condition(now, "Finished", "True", "JobFinished"))
            return
        if not holds(workload, "Admitted"):
            self._explain(workload)
            if not job["spec"]["suspend"]:
                self._api.edit(JOBS, job, lambda now: now["spec"].update(suspend=True))
        elif job["spec"]["suspend"]:
            self._api.edit(JOBS, job, lambda now: now["spec"].update(suspend=False))
            self._events.tell(job, "Started", f"Admitted by clusterQueue {labels_of(job)[LABEL]}")

    def _workload(self, job: Json) -> Json | None:
        for workload in self._api.storage.all_of(WORKLOADS, namespace_of(job)):
            if at(workload, "metadata", "ownerReferences", 0, "uid") == uid_of(job):
                return workload
        return None

    def _add_workload(self, job: Json) -> Json:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name_of(job), "uid": uid_of(job), "controller": True}
        name = f"job-{name_of(job)}-{suffix()}"
        spec = {
            "queueName": labels_of(job)[LABEL], "priority": 0, "active": True,
            "podSets": [{"name": "main", "count": job["spec"]["parallelism"], "template": job["spec"]["template"]}],
        }  # fmt: skip
        metadata = {"name": name, "ownerReferences": [owner], "labels": {"kueue.x-k8s.io/job-uid": uid_of(job)}}
        made = self._api.create(WORKLOADS, namespace_of(job), {"metadata": metadata, "spec": spec})
        self._events.tell(job, "CreatedWorkload", f"Created Workload: {namespace_of(job)}/{name}")
        return made

    def _explain(self, workload: Json) -> None:
        queue = workload["spec"]["queueName"]
        there = self._api.storage.find(LOCAL_QUEUES, namespace_of(workload), queue)
        reason, words = ("Pending", WAITING) if there else ("Inadmissible", f"LocalQueue {queue} doesn't exist")
        self._api.edit(WORKLOADS, workload, lambda now: set_condition(now, "QuotaReserved", "False", reason, words))


def _admitted(workload: Json) -> None:
    queue = workload["spec"]["queueName"]
    workload.setdefault("status", {})["admission"] = {"clusterQueue": queue}
    set_condition(workload, "QuotaReserved", "True", "QuotaReserved", f"Quota reserved in ClusterQueue {queue}")
    set_condition(workload, "Admitted", "True", "Admitted", "The workload is admitted")


def _preempted(workload: Json) -> None:
    workload["status"].pop("admission", None)
    words = "Preempted to accommodate a workload of higher priority"
    set_condition(workload, "Evicted", "True", "Preempted", words)
    set_condition(workload, "QuotaReserved", "False", "Pending", words)
    set_condition(workload, "Admitted", "False", "NoReservation", "The workload has no reservation")
