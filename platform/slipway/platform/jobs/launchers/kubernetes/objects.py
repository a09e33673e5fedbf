"""What the launcher reads of the cluster's objects: Jobs, pods, events, queues. All else is ignored."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from slipway.platform.jobs.launchers.kubernetes.names import ATTEMPT, INDEX, KEY, NONCE, RUN

TRUE: Final = "True"
BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
FINISHED: Final = frozenset({"Succeeded", "Failed"})


class Part(BaseModel):
    """A part of an object: named as the server names it, null as if it were not there."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:  # noqa: ANN401 - whatever came
        return {name: one for name, one in value.items() if one is not None} if isinstance(value, Mapping) else value

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Self:
        """From what the server sent."""
        return cls.model_validate(table)


class Owner(Part):
    """What an object goes with."""

    kind: str = ""
    uid: str = ""


class Metadata(Part):
    """What every object has."""

    name: str = ""
    uid: str = ""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    creation_timestamp: datetime = BEGINNING
    deletion_timestamp: datetime | None = None
    owner_references: Sequence[Owner] = ()

    @property
    def leaving(self) -> bool:
        """Whether it is being deleted."""
        return self.deletion_timestamp is not None


class Condition(Part):
    """Something that holds of an object, or does not."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class Conditioned(Part):
    """Whatever has conditions."""

    conditions: Sequence[Condition] = ()

    def condition(self, kind: str, status: str = TRUE) -> Condition | None:
        """The condition of that type, if it has that status."""
        return next((one for one in self.conditions if (one.type, one.status) == (kind, status)), None)


class Service(Part):
    """The Service of a job of several nodes."""

    metadata: Metadata = Metadata()


class JobStatus(Conditioned):
    """What the cluster has done for a Job."""

    active: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0
    terminating: int = 0
    start_time: datetime | None = None


class JobRequest(Part):
    """What a Job asks for."""

    suspend: bool = False
    completions: int = 1


class Job(Part):
    """A Job of ours."""

    metadata: Metadata = Metadata()
    spec: JobRequest = JobRequest()
    status: JobStatus = JobStatus()

    @property
    def failure(self) -> Condition | None:
        """Why it failed: said first when that is clear, and once more when nothing of it is left."""
        return self.status.condition("Failed") or self.status.condition("FailureTarget")

    @property
    def finished(self) -> bool:
        """Whether the cluster is done with it."""
        return any(self.status.condition(one) is not None for one in ("Complete", "Failed"))

    @property
    def key(self) -> str:
        return self.metadata.annotations.get(KEY, "")

    @property
    def number(self) -> int:
        text = self.metadata.annotations.get(ATTEMPT, "")
        return int(text) if text.isdigit() else 0

    @property
    def nonce(self) -> str:
        return self.metadata.annotations.get(NONCE, "")

    @property
    def run(self) -> str:
        return self.metadata.annotations.get(RUN, "")


class Terminated(Part):
    """How a container ended."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    finished_at: datetime | None = None


class Waiting(Part):
    """Why a container has not begun."""

    reason: str = ""
    message: str = ""


class ContainerState(Part):
    """One of three."""

    waiting: Waiting | None = None
    running: Mapping[str, Any] | None = None
    terminated: Terminated | None = None


class ContainerStatus(Part):
    """A container of a pod."""

    name: str = ""
    state: ContainerState = ContainerState()


class PodStatus(Conditioned):
    """What became of a pod."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    container_statuses: Sequence[ContainerStatus] = ()


class PodRequest(Part):
    """What a pod asks for, and where it was put."""

    node_name: str = ""


class Pod(Part):
    """The pod of a node."""

    metadata: Metadata = Metadata()
    spec: PodRequest = PodRequest()
    status: PodStatus = PodStatus()

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def node(self) -> int:
        """Which node of the job it is."""
        text = self.metadata.annotations.get(INDEX) or self.metadata.labels.get(INDEX) or "0"
        return int(text) if text.isdigit() else 0

    @property
    def where(self) -> str:
        """The machine, where it has one."""
        return self.spec.node_name

    @property
    def over(self) -> bool:
        """Whether none of its processes is left."""
        return self.status.phase in FINISHED

    @property
    def running(self) -> bool:
        return self.status.phase == "Running"

    @property
    def begun(self) -> bool:
        """Whether its container runs, as far as is known."""
        return self.running and any(one.state.running is not None for one in self.status.container_statuses)

    @property
    def terminated(self) -> Terminated | None:
        """How its container ended."""
        return next((one.state.terminated for one in self.status.container_statuses if one.state.terminated), None)

    @property
    def waiting(self) -> Waiting | None:
        """Why its container has not begun."""
        return next((one.state.waiting for one in self.status.container_statuses if one.state.waiting), None)

    @property
    def disruption(self) -> Condition | None:
        """By whom its place was taken away."""
        return self.status.condition("DisruptionTarget")

    @property
    def ended(self) -> datetime:
        """When its end began: what took its place away came first, whatever it did until it was gone."""
        if self.disruption is not None and self.disruption.last_transition_time is not None:
            return self.disruption.last_transition_time
        if self.terminated is not None and self.terminated.finished_at is not None:
            return self.terminated.finished_at
        return self.metadata.deletion_timestamp or datetime.max.replace(tzinfo=UTC)


class Event(Part):
    """Something that happened to an object."""

    metadata: Metadata = Metadata()
    reason: str = ""
    message: str = ""
    type: str = ""
    last_timestamp: datetime | None = None
    event_time: datetime | None = None

    @property
    def at(self) -> datetime:
        """When it happened last."""
        return self.last_timestamp or self.event_time or self.metadata.creation_timestamp


class WorkloadRequest(Part):
    """What a workload asks of its queue."""

    queue_name: str = ""
    priority: int = 0


class Workload(Part):
    """Kueue's record of a job that waits, or is admitted."""

    metadata: Metadata = Metadata()
    spec: WorkloadRequest = WorkloadRequest()
    status: Conditioned = Conditioned()

    def of_job(self, job: Job) -> bool:
        """Whether it is that Job's."""
        return any(owner.uid == job.metadata.uid for owner in self.metadata.owner_references)

    @property
    def waits(self) -> bool:
        """Whether it has no share of its queue."""
        return not any(self.status.condition(one) for one in ("QuotaReserved", "Finished"))

    @property
    def order(self) -> tuple[int, datetime, str]:
        """Sorts a queue: the more important first, then the older."""
        return -self.spec.priority, self.metadata.creation_timestamp, self.metadata.name


class QueueStatus(Conditioned):
    """How full a queue is."""

    pending_workloads: int = 0
    admitted_workloads: int = 0


class Queue(Part):
    """Kueue's LocalQueue."""

    metadata: Metadata = Metadata()
    status: QueueStatus = QueueStatus()


class QuotaStatus(Part):
    """What may be used, and what is."""

    hard: Mapping[str, str] = {}
    used: Mapping[str, str] = {}


class Quota(Part):
    """A ResourceQuota."""

    metadata: Metadata = Metadata()
    status: QuotaStatus = QuotaStatus()
