"""The records of a piece of work, as they lie in the store: plain JSON, frozen, unknown names refused."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from slipway.platform.runs.errors import RecordDamaged
from slipway.platform.store import ObjectMissing, Store


class Record(BaseModel):
    """A frozen record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_bytes(self) -> bytes:
        """What is stored."""
        return self.model_dump_json().encode()

    @classmethod
    def read(cls, data: bytes, place: str = "the store") -> Self:
        """What was stored at `place`, which an error names."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise RecordDamaged.of(cls.__name__, place, error) from None

    @classmethod
    def load(cls, store: Store, key: str) -> Self | None:
        """What is stored there, if anything."""
        try:
            data = store.get(key)
        except ObjectMissing:
            return None
        return cls.read(data, f"{key} in {store.url}")

    def bind(self, store: Store, key: str) -> Self:
        """Store it there unless there is one; either way the one that stays."""
        return self.read(store.put_if_absent(key, self.to_bytes()), f"{key} in {store.url}")


class State(StrEnum):
    """Where an attempt stands, in words."""

    PENDING = "pending"
    """Claimed for a launcher; its process has not begun."""
    RUNNING = "running"
    DONE = "done"
    RESUMABLE = "resumable"
    """Stopped on request, behind a checkpoint: the next attempt goes on."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """Silent for longer than its deadline, or its owner is gone."""


class Cause(StrEnum):
    """Why an attempt ended otherwise than done, for whoever decides what comes next."""

    EXIT_CODE = "exit code"
    OUT_OF_MEMORY = "out of memory"
    EVICTED = "evicted"
    """Its place was taken away; the work is not to blame, and goes on elsewhere."""
    IMAGE_MISSING = "image missing"
    UNSCHEDULABLE = "unschedulable"
    DEADLINE = "deadline"
    LOST = "lost"
    STALLED = "stalled"
    """Alive without progress for too long."""
    STOPPED = "stopped"
    """A person interrupted it where it ran."""
    BUDGET = "budget"
    CANCELLED = "cancelled"


class Place(Record):
    """Where an attempt runs."""

    host: str = ""
    """Empty until a launcher's process has begun somewhere."""
    boot: str = ""
    """Names one start of that machine, so that a process id is not taken for another's."""
    pid: int = 0
    workplace: str = ""
    target: str = "local"

    @property
    def where(self) -> str:
        """For a person: the machine, or the target as long as there is none."""
        return self.host or self.target


class Begun(Record):
    """A runner has begun an attempt that was claimed for it; bound once, so that no second one does the same."""

    nonce: str
    """Of this runner."""
    place: Place


class Meeting(Record):
    """What the first node tells the others before they start together."""

    address: str
    """Where the processes meet, `host:port`."""
    resume: tuple[int, int] | None = None
    """Attempt and step of the checkpoint that all of them go on from."""


class Cancellation(Record):
    """Somebody who may wants an attempt to end; bound once."""

    by: str
    why: str = ""
    asked: datetime


class Wish(Record):
    """Somebody wants the work's result; as long as others do, one person's cancelling only detaches that person."""

    person: str
    since: datetime


class AttemptSpec(Record):
    """Who started an attempt, where and why; binds its number."""

    nonce: str
    """Tells its writer from one that wrote the same."""
    number: int
    submitted_by: str
    created: datetime
    place: Place
    why: str
    """`first`, `again` (asked for), `resumed after lost`, …"""
    name: str
    note: str = ""
    tags: Mapping[str, str] = {}
    team: str = ""
    kind: str = "train"
    revision: str = ""
    """Git's commit, with `+dirty` where the work tree differs from it."""
    job: str = ""
    """Digest of the job that a launcher is to run; empty where the claimant itself executes the work."""

    def nonce_of(self, node: int) -> str:
        """What the lock of one of its nodes is called after."""
        return f"{self.nonce}-{node}" if node else self.nonce


class Heartbeat(Record):
    """Says that an attempt lives, and how far it is."""

    nonce: str
    sequence: int
    step: int = 0
    steps: int = 0
    phase: str = "starting"
    progress: Mapping[str, Any] = {}
    still: float = 0.0
    """Seconds without progress, by the runner's own clock."""


class Outcome(Record):
    """How an attempt ended."""

    state: State
    reason: str
    """One sentence for a person."""
    cause: Cause | None = None
    """None where it is done."""
    mend: str = ""
    """What to do about it, where that is known."""
    exit_code: int | None = None
    ended: datetime
    seconds: float
    step: int | None = None
    traceback: str = ""
    samples: tuple[str, ...] = ()
    memory_peak: int = 0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    """Devices times seconds, over all nodes."""
    cost: Decimal = Decimal(0)
    """By the target's price, over all nodes."""
    currency: str = ""


class StoredFile(Record):
    """A file of a result, named by its content."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int


class Result(Record):
    """What came of the work; the first one stays."""

    key: str
    attempt: int
    finished: datetime
    files: Mapping[str, StoredFile]
    """By their names in the child's `results/`: weights.safetensors, predictions.parquet, samples.parquet,
    evaluation.json, trail.npz, environment.json, pictures/…"""
    metrics: Mapping[str, float]
    steps: int
    seconds: float

    @field_validator("files")
    @classmethod
    def _inside(cls, files: Mapping[str, StoredFile]) -> Mapping[str, StoredFile]:
        """Whoever fetches them writes below one folder."""
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or str(path) != name:
                raise ValueError(f"`{name}` is no name of a file in a folder")
        return files


class Binding(Record):
    """The one MLflow run."""

    run_id: str
    experiment_id: str
    name: str
