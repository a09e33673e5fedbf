"""What comes next for a piece of submitted work: a pure function of what is known about it.

Whoever owns the work, somebody who waits, an Airflow trigger, `slipway jobs reconcile`, looks, decides by this and does
it; any number of them at once come to the same, because every doing is create-or-adopt.

* An attempt that never began is launched again; one whose launcher says that it ended gets the outcome that the
  launcher knows, if the runner could not record one.
* Lost and stalled work is taken up again as often as the job allows. What was moved elsewhere by others, an eviction
  or a preemption, is taken up again always, after a pause that grows as long as evictions follow each other without
  progress between them. All other ends are ends, and so is a budget that is used up.
* Before work is taken up again, the job of the attempt before is gone: its launcher is told to stop it. One that no
  launcher can stop has stopped itself when it was silent for its deadline, which is waited for.
* A cancelled attempt that does not stop within its grace is stopped by its launcher.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from slipway.platform.jobs.launchers.contract import Phase, Status
from slipway.platform.jobs.spec import Limits
from slipway.platform.runs.records import Cancellation, Cause, Outcome, State
from slipway.platform.runs.standing import Standing

RETRIED: Final = frozenset({Cause.LOST, Cause.STALLED})
ALWAYS_RETRIED: Final = frozenset({Cause.EVICTED})
NOTHING: Final = timedelta(0)
MINUTE: Final = timedelta(minutes=1)
SHORTEST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(minutes=15)
TAKEN_UP: Final = "taken up after"
"""Begins why an attempt was made that no person asked for."""


@dataclass(frozen=True)
class Seen:
    """All that is known about a piece of work at one moment."""

    standing: Standing
    status: Status
    """Of the last attempt's job."""
    limits: Limits
    launched: bool = True
    """Whether a launcher runs the last attempt, or else its claimant did."""
    earlier: Sequence[Outcome] = ()
    """How the attempts ended that were made since a person asked last, the last attempt included."""
    spent: Decimal = Decimal(0)
    """What all attempts that have ended cost."""
    cancellation: Cancellation | None = None
    """Of the last attempt."""
    cancelled_for: timedelta = NOTHING
    """Since it was cancelled, by the store's clock, as the next two are."""
    waited: timedelta = NOTHING
    """Since the last attempt was assigned."""
    ended_for: timedelta = NOTHING
    """Since its outcome was recorded."""
    patience: timedelta = timedelta(minutes=15)
    """How long a hopeless job is waited for."""

    @property
    def grace(self) -> timedelta:
        """Time for a checkpoint between being asked to stop and being stopped."""
        return timedelta(seconds=self.limits.grace_seconds)

    @property
    def silence(self) -> timedelta:
        """After so long without a sign written, a runner has stopped itself."""
        return timedelta(seconds=self.limits.silence_seconds)

    @property
    def job_lives(self) -> bool:
        """Whether the launcher still has a job that runs or will."""
        return self.status.phase in (Phase.PENDING, Phase.RUNNING)


@dataclass(frozen=True)
class Wait:
    """Nothing is to be done now."""

    words: str = ""
    resting: bool = False
    """Whether nothing of it runs, so that a person who asks may go on at once."""


@dataclass(frozen=True)
class Launch:
    """The last attempt has no job, or not all of one: create what is missing."""


@dataclass(frozen=True)
class Record:
    """The last attempt ended and could not say how: this is its outcome."""

    state: State
    cause: Cause
    reason: str
    exit_code: int | None = None
    withdraw: bool = False
    """Whether the launcher still has its job, and has to stop it."""


@dataclass(frozen=True)
class Stop:
    """The last attempt's job should be gone, and is not: have the launcher stop it."""

    words: str


@dataclass(frozen=True)
class TakeUp:
    """The work is to be gone on with in another attempt."""


@dataclass(frozen=True)
class End:
    """It is over: done, or ended in a way that another attempt would not mend."""


Step = Wait | Launch | Record | Stop | TakeUp | End


def decide(seen: Seen) -> Step:
    """The next thing to do."""
    standing = seen.standing
    match standing.state:
        case None:
            return End()
        case State.PENDING:
            return _pending(seen)
        case State.RUNNING:
            return _running(seen)
        case State.DONE if standing.result is None or standing.result.attempt == standing.number or not seen.launched:
            return End()
        case _ if standing.outcome is None:
            return _silent(seen)
        case _:
            return _after(seen)


def may_go_on(outcome: Outcome | None) -> bool:
    """Whether work that ended so is gone on with in another attempt, as long as its limits allow."""
    return outcome is not None and outcome.cause in RETRIED | ALWAYS_RETRIED


def retried(earlier: Sequence[Outcome]) -> int:
    """How often the work was taken up again because of what counts."""
    return sum(one.cause in RETRIED for one in earlier)


def pause_before_next(earlier: Sequence[Outcome]) -> timedelta:
    """How long work that is evicted again and again before it gets anywhere is left alone; none for the first time."""
    fruitless, furthest = 0, 0
    for one in earlier:
        step = one.step or 0
        fruitless = fruitless + 1 if one.cause in ALWAYS_RETRIED and step <= furthest else 0
        furthest = max(furthest, step)
    return min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(fruitless - 2, 10)) if fruitless > 1 else NOTHING


def _pending(seen: Seen) -> Step:
    status = seen.status
    if seen.cancellation is not None:
        return _cancelled(seen.cancellation, withdraw=seen.job_lives)
    if status.phase is Phase.ABSENT or status.incomplete:
        return Launch()
    if status.phase is Phase.ENDED:
        return _ended(status)
    if status.hopeless and status.cause is not None and seen.waited > seen.patience:
        return Record(State.FAILED, status.cause, status.words, withdraw=True)
    return Wait(status.words)


def _running(seen: Seen) -> Step:
    """Its own record speaks as long as it can; an ended job has nobody left to write one."""
    if seen.launched and seen.status.phase is Phase.ENDED:
        return _ended(seen.status, seen.cancellation)
    if seen.cancellation is not None:
        overdue = seen.job_lives and seen.cancelled_for > seen.grace
        words = f"it was cancelled by {seen.cancellation.by}"
        return Stop(f"{words} and does not stop") if overdue else Wait(f"{words} and is stopping")
    if seen.launched and seen.status.incomplete:
        return Launch()
    beat = seen.standing.heartbeat
    still = beat.still if beat else 0.0
    if seen.launched and still > seen.limits.stall_seconds + seen.limits.grace_seconds:
        reason = f"It lived without progress for {still:.0f} s; {seen.limits.stall_seconds:.0f} are allowed."
        return Record(State.FAILED, Cause.STALLED, reason, withdraw=seen.job_lives)
    return Wait(seen.status.words)


def _silent(seen: Seen) -> Step:
    """Nobody is left who could say how it ended, or nobody who can write it."""
    if seen.launched and seen.status.phase is Phase.ENDED:
        return _ended(seen.status, seen.cancellation)
    if seen.cancellation is not None:
        return _cancelled(seen.cancellation, withdraw=seen.job_lives)
    reason = seen.standing.reason
    return Record(State.LOST, Cause.LOST, f"{reason[:1].upper()}{reason[1:]}.", withdraw=seen.job_lives)


def _after(seen: Seen) -> Step:
    """Whether an ended attempt is followed by another, and whether it has left the place for it."""
    outcome = seen.standing.outcome
    if outcome is None or not may_go_on(outcome):
        return End()
    if not seen.job_lives:
        return _gone_on(seen, outcome)
    if seen.ended_for > seen.silence + seen.grace:
        return _gone_on(seen, outcome)
    if outcome.cause in RETRIED or seen.ended_for > seen.grace:
        return Stop(f"attempt {seen.standing.number} is over, and its job is still there")
    return Wait("its job is ending")


def _gone_on(seen: Seen, outcome: Outcome) -> Step:
    spent = seen.limits.budget is not None and seen.spent >= seen.limits.budget
    enough = outcome.cause in RETRIED and retried(seen.earlier) > seen.limits.retries
    if not seen.launched or seen.cancellation is not None or spent or enough:
        return End()
    left = pause_before_next(seen.earlier) - seen.ended_for
    if left > NOTHING:
        return Wait(f"evicted again without progress; it goes on in {math.ceil(left / MINUTE)} min", resting=True)
    return TakeUp()


def _ended(status: Status, cancellation: Cancellation | None = None) -> Step:
    if cancellation is not None:
        return _cancelled(cancellation, withdraw=False)
    cause = status.cause or Cause.LOST
    state = {Cause.LOST: State.LOST, Cause.EVICTED: State.RESUMABLE}.get(cause, State.FAILED)
    return Record(state, cause, status.words or "It ended without a word.", status.exit_code)


def _cancelled(cancellation: Cancellation, *, withdraw: bool) -> Record:
    why = f": {cancellation.why}" if cancellation.why else ""
    return Record(State.CANCELLED, Cause.CANCELLED, f"Cancelled by {cancellation.by}{why}.", withdraw=withdraw)
