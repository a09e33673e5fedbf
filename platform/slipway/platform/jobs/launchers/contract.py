"""What every launcher does, whatever it starts processes with.

* `submit` creates the job of an attempt, or adopts the one that is there: any number of callers, killed at any moment
  and called again, leave one. It returns when the launcher has it, not when it runs.
* The launcher's knowledge ends with the process: how far the work is, and how it ended where it could say so itself,
  stands in the store. A launcher knows why nothing has begun yet, and why something ended without a word.
* `Phase.ENDED` means that no process of the job is left, on any node. `Phase.ABSENT` means that the launcher knows
  nothing of it: never created, or deleted.
* `cancel` asks the job to stop behind a checkpoint, and kills it after the job's grace; what is not there, or has
  ended, is fine. `remove` deletes all that the launcher still has of a job that ended.
* What cannot be asked now raises `LauncherUnreachable`: that is no answer about the job.

The runner it starts is `python -m slipway.platform.jobs.runner KEY --attempt N --node I`; the rest is in the store.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.records import AttemptSpec, Cause


class LauncherError(SlipwayError):
    """A launcher could not do what it was asked."""


class LauncherUnreachable(LauncherError):
    """It does not answer, or not now: asking again may help."""


class LauncherRefused(LauncherError):
    """It answers, and will not: a right is missing, or what was sent is wrong."""


class Phase(StrEnum):
    """What a launcher says of a job."""

    ABSENT = "absent"
    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class Assignment:
    """An attempt for a launcher: what is to be done, and which execution of it this is."""

    job: JobSpec
    attempt: AttemptSpec

    @property
    def key(self) -> str:
        """The work."""
        return self.job.key

    @property
    def number(self) -> int:
        """Which attempt at it."""
        return self.attempt.number


@dataclass(frozen=True)
class NodeStatus:
    """One node of a job."""

    node: int
    phase: Phase
    words: str = ""
    exit_code: int | None = None
    where: str = ""
    """The machine, where it is known."""


@dataclass(frozen=True)
class Status:
    """What a launcher knows about a job."""

    phase: Phase
    words: str = ""
    """For a person: what a pending one waits for, how an ended one ended."""
    cause: Cause | None = None
    """Why it ended, or what makes waiting hopeless."""
    exit_code: int | None = None
    nodes: tuple[NodeStatus, ...] = ()
    node: int | None = None
    """The node whose end ended it."""
    incomplete: bool = False
    """Whether who submitted it was killed in the middle of that; `submit` makes it whole."""

    @property
    def hopeless(self) -> bool:
        """Whether a pending job will hardly begin without somebody's help."""
        return self.phase is Phase.PENDING and self.cause in (Cause.IMAGE_MISSING, Cause.UNSCHEDULABLE)


@dataclass(frozen=True)
class Found:
    """A job that a launcher has."""

    key: str
    number: int
    nonce: str
    """Of the attempt; a job of another context's store has one that this store does not know."""
    phase: Phase
    age: timedelta
    """Since it was created, by the launcher's clock."""
    name: str = ""
    """What the launcher calls it."""


@dataclass(frozen=True)
class Capacity:
    """What is free on a target now."""

    nodes: int | None = None
    """Jobs of one node that would begin at once; None where it cannot be told."""
    words: str = ""


class Launcher(Protocol):
    """Gives attempts processes of their own. Calls block; they may come from several threads."""

    @property
    def address(self) -> str:
        """Where it is, for messages."""

    def submit(self, assignment: Assignment) -> Status:
        """Create the job, or adopt the one that is there."""

    def status(self, assignment: Assignment) -> Status:
        """What becomes of it."""

    def logs(self, assignment: Assignment, node: int = 0) -> bytes:
        """What the launcher has of a node's output: all that there is when the runner could store nothing."""

    def cancel(self, assignment: Assignment) -> None:
        """Ask it to stop, and see that it does."""

    def remove(self, found: Found) -> None:
        """Delete what is left of it; one whose processes live is refused."""

    def list(self) -> Iterator[Found]:
        """All jobs of slipway here."""

    def capacity(self, target: str) -> Capacity:
        """What is free on one of its targets."""
