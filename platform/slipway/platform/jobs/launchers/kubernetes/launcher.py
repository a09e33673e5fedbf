"""The launcher for a cluster: an attempt is an Indexed Job, a node is a pod.

* The Job's name is the attempt's, so the server lets one be created. Whoever comes later adopts it; another attempt's
  Job under that name, from another store, is an error in words.
* The Job comes first, its Service second, with the Job as owner. Killed between, the status says that it is not
  complete, and the next `submit`, by whoever owns the work, completes it.
* `cancel` deletes the Job in the foreground: its pods are asked to stop, have their grace, and only when the last one
  has ended the name is free. The reason is not lost with it, it stands in the store.
* What the acting user may not read, events, quotas, queues, only makes the words poorer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from slipway.platform.jobs.launchers.contract import (
    Assignment,
    Capacity,
    Found,
    LauncherRefused,
    LauncherUnreachable,
    Phase,
    Status,
)
from slipway.platform.jobs.launchers.kubernetes.capacity import free
from slipway.platform.jobs.launchers.kubernetes.client import Cluster, Table, Taken
from slipway.platform.jobs.launchers.kubernetes.connecting import connect
from slipway.platform.jobs.launchers.kubernetes.judging import judge, phase_of
from slipway.platform.jobs.launchers.kubernetes.manifest import manifests, owned
from slipway.platform.jobs.launchers.kubernetes.names import JOB_LABEL, MINE, NONCE, QUEUE, name_of
from slipway.platform.jobs.launchers.kubernetes.objects import Event, Job, Part, Pod, Queue, Quota, Service, Workload
from slipway.platform.jobs.launchers.kubernetes.pending import Waits, Why, explain, waiting_pod
from slipway.platform.jobs.launchers.kubernetes.pod import CONTAINER, asked_for
from slipway.platform.jobs.launchers.kubernetes.problems import NOT_YET, NotAllowed, Refused
from slipway.platform.jobs.launchers.kubernetes.rights import (
    EVENTS,
    JOBS,
    LOCAL_QUEUES,
    PODS,
    QUOTAS,
    SERVICES,
    WORKLOADS,
    Resource,
)
from slipway.platform.jobs.launchers.kubernetes.variables import check_loopback
from slipway.platform.jobs.targets import named_target

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded, Target

SEVERAL: Final = 2
LOG_LINES: Final = 10_000
LOG_BYTES: Final = 8 * 1024**2

P = TypeVar("P", bound=Part)


class KubernetesLauncher:
    """Runs jobs in the namespace of the settings."""

    def __init__(self, loaded: "Loaded", *, open_cluster: Callable[[], Cluster] | None = None) -> None:
        self._settings, self._root = loaded.settings, loaded.root
        self._open = open_cluster or (lambda: connect(loaded.settings.kubernetes))
        self._cluster: Cluster | None = None

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return f"{self._ask.address}, namespace {self._settings.kubernetes.namespace}"

    def submit(self, assignment: Assignment) -> Status:
        """Create the Job and what belongs to it, or adopt what is there."""
        wanted = manifests(assignment, self._target(assignment.job.target), self._settings, self._root)
        check_loopback(self._settings, self._ask.address)
        job = self._create_or_adopt(wanted[0], assignment)
        if not Job.of(job).metadata.leaving and not Job.of(job).finished:
            for manifest in wanted[1:]:
                self._complete(owned(manifest, job))
        return self._status(Job.of(job))

    def status(self, assignment: Assignment) -> Status:
        """What becomes of it."""
        job = self._find(assignment)
        if job is None:
            return judge(None, self._pods_of(assignment), _unexplained)
        return replace(self._status(job), incomplete=self._lacks_service(job))

    def logs(self, assignment: Assignment, node: int = 0) -> bytes:
        """What a node's pod has printed, the end of it, as long as the cluster has the pod."""
        pods = [pod for pod in self._pods_of(assignment) if pod.node == node]
        if not pods:
            return b""
        latest = max(pods, key=lambda pod: pod.metadata.creation_timestamp)
        try:
            return self._ask.log(latest.name, CONTAINER, lines=LOG_LINES, most=LOG_BYTES)
        except Refused as error:
            if error.code != NOT_YET:
                raise
            return b""

    def cancel(self, assignment: Assignment) -> None:
        """Ask its pods to stop; the cluster kills them after their grace."""
        job = self._find(assignment)
        if job is None or job.metadata.leaving or job.finished:
            return
        self._ask.delete(JOBS, job.metadata.name, job.metadata.uid, foreground=True)

    def remove(self, found: Found) -> None:
        """Delete a Job that has ended, with its pods and its Service."""
        table = self._ask.read(JOBS, found.name)
        job = Job.of(table) if table is not None else None
        if job is None or job.nonce != found.nonce:
            return
        if phase_of(job, self._pods(job.metadata.name)) is not Phase.ENDED:
            raise LauncherRefused(f"{found.name} has not ended.", mend=f"slipway cancel {job.run or found.key}")
        self._ask.delete(JOBS, found.name, job.metadata.uid, foreground=False)

    def list(self) -> Iterator[Found]:
        """All Jobs of slipway in the namespace."""
        listed = self._ask.find(JOBS, MINE)
        pods = self._read(PODS, Pod, MINE)
        now = listed.now or datetime.min.replace(tzinfo=UTC)
        for job in map(Job.of, listed.items):
            name = job.metadata.name
            mine = [pod for pod in pods if pod.metadata.labels.get(JOB_LABEL) == name]
            age = max(now - job.metadata.creation_timestamp, timedelta(0))
            yield Found(job.key, job.number, job.nonce, phase_of(job, mine), age, name)

    def capacity(self, target: str) -> Capacity:
        """What its quotas leave."""
        place = self._target(target)
        return free(asked_for(place), self._may_read(QUOTAS, Quota), self._queue(place.queue))

    @property
    def _ask(self) -> Cluster:
        """The cluster, once it is needed."""
        if self._cluster is None:
            self._cluster = self._open()
        return self._cluster

    def _target(self, name: str) -> "Target":
        return named_target(name, self._settings)

    def _create_or_adopt(self, manifest: Table, assignment: Assignment) -> Table:
        """The attempt's Job as the server has it."""
        try:
            return self._ask.create(JOBS, manifest)
        except Taken:
            there = self._ask.read(JOBS, manifest["metadata"]["name"])
            if there is None:
                raise LauncherUnreachable(
                    f"The Job `{name_of(assignment)}` was there and is gone.", mend="Submit the same again."
                ) from None
            self._check(Job.of(there), assignment)
            return there

    def _complete(self, service: Table) -> None:
        """Create the Job's Service unless it is there."""
        try:
            self._ask.create(SERVICES, service)
        except Taken as error:
            table = self._ask.read(SERVICES, service["metadata"]["name"])
            owners = Service.of(table or {}).metadata.owner_references
            if any(owner.uid == service["metadata"]["ownerReferences"][0]["uid"] for owner in owners):
                return
            raise LauncherUnreachable(
                f"The Service of an earlier Job is still there ({error}).",
                mend="Submit the same again in a moment; the cluster deletes it with its Job.",
            ) from None

    def _lacks_service(self, job: Job) -> bool:
        """Whether nobody has created the Service by which the nodes of the Job find each other."""
        if job.spec.completions < SEVERAL or job.metadata.leaving or job.finished:
            return False
        return self._ask.read(SERVICES, job.metadata.name) is None

    def _find(self, assignment: Assignment) -> Job | None:
        """The attempt's Job."""
        table = self._ask.read(JOBS, name_of(assignment))
        if table is None:
            return None
        job = Job.of(table)
        self._check(job, assignment)
        return job

    def _check(self, job: Job, assignment: Assignment) -> None:
        """A Job of that name is this attempt's, or nothing is done with it."""
        if job.nonce == assignment.attempt.nonce:
            return
        whose = job.metadata.annotations.get(NONCE) or "none"
        raise LauncherRefused(
            f"The Job `{job.metadata.name}` in {self.address} belongs to another attempt {job.number} at the same work "
            f"({job.run or 'without a name'}, nonce {whose}, expected {assignment.attempt.nonce}): "
            "two stores use one namespace.",
            mend="Give each context a namespace of its own (kubernetes.namespace), or delete that Job: "
            f"`kubectl delete job {job.metadata.name} -n {self._settings.kubernetes.namespace}`.",
        )

    def _status(self, job: Job) -> Status:
        pods = self._pods(job.metadata.name)
        return judge(job, pods, lambda: self._explain(job, pods))

    def _pods_of(self, assignment: Assignment) -> Sequence[Pod]:
        return self._pods(name_of(assignment))

    def _pods(self, name: str) -> Sequence[Pod]:
        return self._read(PODS, Pod, f"{JOB_LABEL}={name}")

    def _explain(self, job: Job, pods: Sequence[Pod]) -> Why:
        """What it waits for, with what may be read about that."""
        if job.spec.suspend:
            queue = job.metadata.labels.get(QUEUE)
            workloads = self._may_read(WORKLOADS, Workload) if queue else ()
            return explain(Waits(job, pods, workloads=workloads, queue=self._queue(queue)))
        late = waiting_pod(pods)
        if late is None:
            return explain(Waits(job, pods, job_events=self._events("Job", job.metadata.name)))
        return explain(Waits(job, pods, pod_events=self._events("Pod", late.name)))

    def _events(self, kind: str, name: str) -> Sequence[Event]:
        """What happened to an object, the latest last."""
        fields = f"involvedObject.kind={kind},involvedObject.name={name}"
        return sorted(self._may_read(EVENTS, Event, fields), key=lambda event: event.at)

    def _queue(self, name: str | None) -> Queue | None:
        if name is None:
            return None
        table: Table | None = None
        with suppress(NotAllowed):
            table = self._ask.read(LOCAL_QUEUES, name)
        return Queue.of(table) if table is not None else None

    def _may_read(self, resource: Resource, kind: type[P], fields: str = "") -> Sequence[P]:
        """What there is; nothing without the right to know."""
        with suppress(NotAllowed):
            return self._read(resource, kind, fields=fields)
        return ()

    def _read(self, resource: Resource, kind: type[P], labels: str = "", fields: str = "") -> Sequence[P]:
        return [kind.of(table) for table in self._ask.find(resource, labels, fields).items]


def _unexplained() -> Why:
    return Why("")
