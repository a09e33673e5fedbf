"""A small world with a clock of its own: a real store, a launcher that is a table, and runners that are objects.

The runners own their attempts by the real `begin`, and follow the rules of real ones: they stop when they see a later
attempt, when they could write no sign for their deadline, when they are asked to, and die when they are killed. What
they say and what their launcher says may come late, or never.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from slipway.platform.jobs.launchers.contract import Assignment, Capacity, Found, LauncherUnreachable, Phase, Status
from slipway.platform.runs.attempts import Attempt, begin
from slipway.platform.runs.errors import AttemptTaken, BegunElsewhere, Silent
from slipway.platform.runs.presence import Presence
from slipway.platform.runs.records import Cause, Outcome, Place, Result, State
from slipway.platform.runs.results import bind_result
from slipway.platform.store import ObjectMissing, Store

START: Final = datetime(2026, 11, 20, tzinfo=UTC)


class Killed(BaseException):
    """Somebody was killed here."""


@dataclass
class Clock:
    """Seconds that pass when they are told to."""

    now: float = 0.0


class World:
    """A store whose ages go by the world's clock, and in which a writer can be killed before each effect."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self.clock = store, clock
        self._written: dict[str, float] = {}
        self.fuse: int | None = None
        """Effects until whoever writes is killed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def burn(self) -> None:
        """One effect."""
        if self.fuse == 0:
            raise Killed
        if self.fuse is not None:
            self.fuse -= 1

    def put(self, key: str, data: bytes) -> None:
        self.burn()
        self._store.put(key, data)
        self._written[key] = self.clock.now

    def put_if_absent(self, key: str, data: bytes) -> bytes:
        self.burn()
        held = self._store.put_if_absent(key, data)
        self._written.setdefault(key, self.clock.now)
        return held

    def delete(self, key: str) -> None:
        self.burn()
        self._store.delete(key)
        self._written.pop(key, None)

    def age(self, key: str) -> timedelta:
        if key not in self._written:
            raise ObjectMissing(key)
        return timedelta(seconds=self.clock.now - self._written[key])


@dataclass
class Runner:
    """A process of a job."""

    assignment: Assignment
    attempt: Attempt | None = None
    alive: bool = True
    cut_off: bool = False
    """It cannot reach the store."""
    asked_at: float | None = None
    still: float = 0.0

    @property
    def works(self) -> bool:
        """Whether it does the work of its attempt."""
        return self.alive and self.attempt is not None


@dataclass
class Job:
    """What the launcher has."""

    assignment: Assignment
    runner: Runner | None = None
    cause: Cause | None = None
    gone_unseen: bool = False
    """The machine is lost, and the launcher does not know it yet."""


@dataclass
class ModelLauncher:
    """A table of jobs."""

    world: World
    folder: Path
    jobs: dict[str, Job] = field(default_factory=dict)
    runners: list[Runner] = field(default_factory=list)
    away: bool = False

    @property
    def address(self) -> str:
        return "a table"

    def submit(self, assignment: Assignment) -> Status:
        self._answer()
        self.world.burn()
        self.jobs.setdefault(assignment.attempt.nonce, Job(assignment))
        self.world.burn()
        return self.status(assignment)

    def status(self, assignment: Assignment) -> Status:
        self._answer()
        job = self.jobs.get(assignment.attempt.nonce)
        if job is None:
            return Status(Phase.ABSENT)
        if job.runner is None:
            return Status(Phase.PENDING, "waits") if job.cause is None else Status(Phase.ENDED, "never", job.cause)
        if job.runner.alive or job.gone_unseen:
            return Status(Phase.RUNNING)
        return Status(Phase.ENDED, "it ended", job.cause)

    def cancel(self, assignment: Assignment) -> None:
        self._answer()
        self.world.burn()
        job = self.jobs.get(assignment.attempt.nonce)
        if job is not None and job.runner is None:
            job.cause = job.cause or Cause.CANCELLED
        elif job is not None and job.runner is not None and job.runner.asked_at is None:
            job.runner.asked_at = self.world.clock.now

    def logs(self, assignment: Assignment, node: int = 0) -> bytes:  # noqa: ARG002 - the contract's arguments
        return b""

    def remove(self, found: Found) -> None:
        self.jobs.pop(found.nonce, None)

    def list(self) -> Iterator[Found]:
        for nonce, job in list(self.jobs.items()):
            spec = job.assignment.attempt
            phase = self.status(job.assignment).phase
            yield Found(job.assignment.key, spec.number, nonce, phase, timedelta(0), spec.name)

    def capacity(self, target: str) -> Capacity:  # noqa: ARG002 - the contract's argument
        return Capacity()

    def start(self) -> None:
        """Everything that waits gets its process."""
        for job in self.jobs.values():
            if job.runner is None and job.cause is None:
                job.runner = Runner(job.assignment)
                self.runners.append(job.runner)
                self._begin(job.runner)

    def _begin(self, runner: Runner) -> None:
        one = runner.assignment
        lock = Presence(self.folder / str(len(self.runners)), one.attempt.nonce)
        deadline = timedelta(seconds=one.job.limits.silence_seconds)
        place = Place(host="elsewhere", pid=1)
        clock = self.world.clock
        try:
            runner.attempt = begin(
                self._store, one.key, one.number, place, lock, deadline=deadline, clock=lambda: clock.now
            )
        except BegunElsewhere:
            runner.alive = False
            lock.close()

    @property
    def _store(self) -> Store:
        store: Any = self.world
        found: Store = store
        return found

    def _answer(self) -> None:
        if self.away:
            raise LauncherUnreachable("The table does not answer.")

    def pass_time(self, seconds: float) -> None:
        """Runners beat, hear what they should hear, and stop where they have to."""
        self.world.clock.now += seconds
        for runner in self.runners:
            if runner.works:
                self._live(runner, seconds)
        for job in self.jobs.values():
            if job.runner is not None and not job.runner.alive:
                job.gone_unseen = False

    def _live(self, runner: Runner, seconds: float) -> None:
        attempt = runner.attempt
        assert attempt is not None
        limits = runner.assignment.job.limits
        runner.still += seconds
        try:
            attempt.check()
            if not runner.cut_off:
                attempt.beat(still=runner.still)
                if attempt.cancellation() is not None:
                    self.end(runner, State.CANCELLED, Cause.CANCELLED)
                    return
        except (AttemptTaken, Silent):
            self.die(runner)
            return
        if runner.asked_at is not None:
            if not runner.cut_off:
                self.end(runner, State.RESUMABLE, Cause.EVICTED)
            elif self.world.clock.now - runner.asked_at > limits.grace_seconds:
                self.die(runner)

    def die(self, runner: Runner, cause: Cause | None = None) -> None:
        """Without a word."""
        runner.alive = False
        if runner.attempt is not None:
            runner.attempt.close()
        for job in self.jobs.values():
            if job.runner is runner:
                job.cause = job.cause or cause

    def end(self, runner: Runner, state: State, cause: Cause | None, *, told: bool = True) -> None:
        """Of its own accord; a result first."""
        attempt = runner.attempt
        assert attempt is not None
        if state is State.DONE:
            bind_result(self._store, Result(
                key=attempt.key, attempt=attempt.number, finished=START, files={}, metrics={}, steps=1, seconds=1.0
            ))  # fmt: skip
        if told:
            attempt.finish(Outcome(state=state, cause=cause, reason="It said so.", ended=START, seconds=1.0))
        with suppress(OSError):
            self.die(runner)
