"""The Job controller: pods of a Job with their indexes, and how the Job ends.

As a server from 1.31 on: a criterion is met first (`SuccessCriteriaMet`, `FailureTarget`), what is left of the pods
goes, and only then is the Job `Complete` or `Failed`.
"""

import time
from dataclasses import dataclass, field
from typing import Final

from cluster.api import Api, ApiError
from cluster.events import Recorder
from cluster.job_policies import verdict_on
from cluster.kinds import JOBS, PODS
from cluster.objects import (
    Json,
    at,
    clone,
    condition,
    controller_uid,
    deleting,
    holds,
    moment,
    name_of,
    namespace_of,
    seconds_since,
    set_condition,
    suffix,
    uid_of,
)

TRACKED: Final = "batch.kubernetes.io/job-tracking"
INDEX: Final = "batch.kubernetes.io/job-completion-index"
RETRY_SECONDS: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Between tries to create a pod that the server refuses; a real controller starts with more."""


@dataclass
class Pods:
    """The pods of one Job, sorted by what is to be done with them."""

    every: list[Json]
    active: list[Json] = field(default_factory=list)
    terminating: list[Json] = field(default_factory=list)
    succeeded: list[Json] = field(default_factory=list)
    failed: list[Json] = field(default_factory=list)

    def sort(self, *, wait_for_end: bool) -> "Pods":
        for pod in self.every:
            phase = pod["status"]["phase"]
            if phase == "Succeeded":
                self.succeeded.append(pod)
            elif phase == "Failed" or (deleting(pod) and not wait_for_end):
                self.failed.append(pod)
            elif deleting(pod):
                self.terminating.append(pod)
            else:
                self.active.append(pod)
        return self


class JobController:
    """Brings every Job one step further."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._events = Recorder(api, "job-controller")
        self._refused: dict[str, tuple[int, float]] = {}
        """How often in a row a Job's pods were refused, and when the next try is due."""

    def sync(self) -> float | None:
        """Seconds until something here is due."""
        due = [self._sync(job) for job in self._api.storage.all_of(JOBS)]
        self._release_orphans()
        return min((one for one in due if one is not None), default=None)

    def _sync(self, job: Json) -> float | None:
        mine = [pod for pod in self._api.storage.all_of(PODS, namespace_of(job)) if controller_uid(pod) == uid_of(job)]
        pods = Pods(mine).sort(wait_for_end=job["spec"]["podReplacementPolicy"] == "Failed")
        if deleting(job):
            self._release(mine)
            return None
        if finished(job):
            self._release(mine)
            return self._remove_in_time(job)
        after = clone(job)
        after.setdefault("status", {}).setdefault("uncountedTerminatedPods", {})
        self._count(after, pods)
        due = self._decide(job, after, pods)
        after["status"] |= {
            "ready": sum(holds(pod, "Ready") for pod in pods.active),
            "terminating": sum(deleting(pod) and pod["status"]["phase"] not in {"Succeeded", "Failed"} for pod in mine),
        }
        _set_or_drop(after["status"], "active", len(pods.active))
        self._api.edit(JOBS, job, lambda now: now.update(status=after["status"]))
        return due

    def _count(self, job: Json, pods: Pods) -> None:
        """Each ended pod counts once: as long as it is tracked."""
        status = job["status"]
        done = indexes(status.get("completedIndexes", ""))
        for pod in pods.succeeded:
            if TRACKED in (pod["metadata"].get("finalizers") or []):
                status["succeeded"] = status.get("succeeded", 0) + (index_of(pod) not in done)
                done |= {index_of(pod)} - {None}
                self._release([pod])
        if job["spec"]["completionMode"] == "Indexed" and done:
            status["completedIndexes"] = written_indexes(done)
        for pod in pods.failed:
            if TRACKED in (pod["metadata"].get("finalizers") or []):
                verdict = verdict_on(job, pod)
                if verdict.action == "FailJob":
                    _aim_to_fail(job, "PodFailurePolicy", verdict.words)
                if verdict.action != "Ignore":
                    status["failed"] = status.get("failed", 0) + 1
                self._release([pod])

    def _decide(self, job: Json, after: Json, pods: Pods) -> float | None:
        spec, status = after["spec"], after["status"]
        if not spec["suspend"] and "startTime" not in status:
            status["startTime"] = moment()
            if condition(after, "Suspended"):
                set_condition(after, "Suspended", "False", "JobResumed", "Job resumed")
                self._events.tell(job, "Resumed", "Job resumed")
        left = _time_left(after)
        if holds(after, "FailureTarget") or holds(after, "SuccessCriteriaMet"):
            pass
        elif left is not None and left <= 0:
            _aim_to_fail(after, "DeadlineExceeded", "Job was active longer than specified deadline")
        elif status.get("failed", 0) > spec["backoffLimit"]:
            _aim_to_fail(after, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif status.get("succeeded", 0) >= spec.get("completions", 1):
            words = "Reached expected number of succeeded pods"
            set_condition(after, "SuccessCriteriaMet", "True", "CompletionsReached", words)
        if holds(after, "FailureTarget") or holds(after, "SuccessCriteriaMet"):
            self._finish(job, after, pods)
            return None
        if spec["suspend"]:
            self._suspend(job, after, pods)
            return None
        return _sooner(left, self._fill(job, after, pods))

    def _finish(self, job: Json, after: Json, pods: Pods) -> None:
        self._delete(job, pods.active)
        if any(pod["status"]["phase"] not in {"Succeeded", "Failed"} for pod in pods.every):
            return
        target = condition(after, "FailureTarget")
        if target is not None:
            set_condition(after, "Failed", "True", target["reason"], target["message"])
            self._events.warn(job, target["reason"], target["message"])
        else:
            met = condition(after, "SuccessCriteriaMet") or {}
            set_condition(after, "Complete", "True", met["reason"], met["message"])
            after["status"]["completionTime"] = moment()
            self._events.tell(job, "Completed", "Job completed")

    def _suspend(self, job: Json, after: Json, pods: Pods) -> None:
        self._delete(job, pods.active)
        after["status"].pop("startTime", None)
        if not holds(after, "Suspended"):
            set_condition(after, "Suspended", "True", "JobSuspended", "Job suspended")
            self._events.tell(job, "Suspended", "Job suspended")

    def _fill(self, job: Json, after: Json, pods: Pods) -> float | None:
        """Create the pods that are missing; seconds until the next try where the server refuses one."""
        refused, due = self._refused.get(uid_of(job), (0, 0.0))
        if (wait := due - time.monotonic()) > 0:
            return wait
        missing = _missing(after, pods)
        for index in missing:
            try:
                pod = self._api.create(PODS, namespace_of(job), pod_of(job, index))
            except ApiError as error:
                self._events.warn(job, "FailedCreate", f"Error creating: {error.message}")
                wait = RETRY_SECONDS[min(refused, len(RETRY_SECONDS) - 1)]
                self._refused[uid_of(job)] = refused + 1, time.monotonic() + wait
                return wait
            self._refused.pop(uid_of(job), None)
            pods.active.append(pod)
            self._events.tell(job, "SuccessfulCreate", f"Created pod: {name_of(pod)}")
        return None

    def _delete(self, job: Json, active: list[Json]) -> None:
        for pod in active:
            if not deleting(pod):
                self._api.delete(PODS, namespace_of(pod), name_of(pod))
                self._events.tell(job, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _release(self, pods: list[Json]) -> None:
        for pod in pods:
            if TRACKED in (pod["metadata"].get("finalizers") or []):
                self._api.edit(PODS, pod, _untrack)

    def _release_orphans(self) -> None:
        """Pods whose Job is gone are tracked by nobody."""
        jobs = {uid_of(job) for job in self._api.storage.all_of(JOBS)}
        self._release([pod for pod in self._api.storage.all_of(PODS) if controller_uid(pod) not in jobs])

    def _remove_in_time(self, job: Json) -> float | None:
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None:
            return None
        ended = condition(job, "Complete") or condition(job, "Failed") or {}
        left = float(seconds - seconds_since(ended["lastTransitionTime"]))
        if left <= 0:
            self._api.delete(JOBS, namespace_of(job), name_of(job), {"propagationPolicy": "Foreground"})
            return None
        return left


def finished(job: Json) -> bool:
    return holds(job, "Complete") or holds(job, "Failed")


def pod_of(job: Json, index: int | None) -> Json:
    """The pod of one index, or of none."""
    template = clone(job["spec"]["template"])
    metadata = {**template.get("metadata", {})}
    metadata["finalizers"] = [TRACKED]
    metadata["ownerReferences"] = [
        {
            "apiVersion": "batch/v1", "kind": "Job", "name": name_of(job), "uid": uid_of(job),
            "controller": True, "blockOwnerDeletion": True,
        }
    ]  # fmt: skip
    spec = template["spec"]
    if index is None:
        metadata["name"] = f"{name_of(job)[:57]}-{suffix()}"
    else:
        metadata["name"] = f"{name_of(job)}-{index}"[:57] + f"-{suffix()}"
        metadata["labels"] = {**metadata.get("labels", {}), INDEX: str(index)}
        metadata["annotations"] = {**metadata.get("annotations", {}), INDEX: str(index)}
        spec["hostname"] = f"{name_of(job)}-{index}"
        source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            container.setdefault("env", []).append({"name": "JOB_COMPLETION_INDEX", "valueFrom": source})
    return {"metadata": metadata, "spec": spec}


def index_of(pod: Json) -> int | None:
    text = at(pod, "metadata", "annotations", INDEX)
    return None if text is None else int(text)


def indexes(text: str) -> set[int | None]:
    """`0-2,5` as a set."""
    found: set[int | None] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def written_indexes(found: set[int | None]) -> str:
    """The same as a server writes it."""
    parts: list[list[int]] = []
    for index in sorted(one for one in found if one is not None):
        if parts and parts[-1][-1] == index - 1:
            parts[-1].append(index)
        else:
            parts.append([index])
    return ",".join(_span(part) for part in parts)


def _span(part: list[int]) -> str:
    if len(part) == 1:
        return str(part[0])
    return f"{part[0]}{',' if len(part) == 2 else '-'}{part[-1]}"


def _missing(job: Json, pods: Pods) -> list[int | None]:
    spec, status = job["spec"], job["status"]
    here = [*pods.active, *pods.terminating]
    room = spec["parallelism"] - len(here)
    if spec["completionMode"] != "Indexed":
        wanted = spec.get("completions", 1) - status.get("succeeded", 0) - len(here)
        return [None] * max(0, min(room, wanted))
    taken = indexes(status.get("completedIndexes", "")) | {index_of(pod) for pod in here}
    left: list[int | None] = [index for index in range(spec["completions"]) if index not in taken]
    return left[: max(0, room)]


def _aim_to_fail(job: Json, reason: str, message: str) -> None:
    if not holds(job, "FailureTarget"):
        set_condition(job, "FailureTarget", "True", reason, message)


def _time_left(job: Json) -> float | None:
    limit, start = job["spec"].get("activeDeadlineSeconds"), job["status"].get("startTime")
    return None if limit is None or start is None else float(limit - seconds_since(start))


def _sooner(*times: float | None) -> float | None:
    return min((time for time in times if time is not None), default=None)


def _set_or_drop(status: Json, name: str, value: int) -> None:
    status.pop(name, None)
    if value:
        status[name] = value


def _untrack(pod: Json) -> None:
    left = [one for one in pod["metadata"].get("finalizers", []) if one != TRACKED]
    pod["metadata"]["finalizers"] = left
    if not left:
        del pod["metadata"]["finalizers"]
