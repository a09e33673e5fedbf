"""What comes next for a piece of submitted work: a pure function of what is known about it.

Whoever owns the work, somebody who waits, an Airflow trigger, `slipway jobs reconcile`, looks, decides by this and does
it; any number of them at once come to the same, because every doing is create-or-adopt.

* An attempt that never began is launched again; one whose launcher says that it ended gets the outcome that the
  launcher knows, if the runner could not record one.
* Lost and stalled work is taken up again as often as the job allows. What was moved elsewhere by others, an eviction
  or a preemption, is taken up again always. All other ends are ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from slipway.platform.jobs.launchers.contract import Phase, Status
from slipway.platform.jobs.spec import Limits
from slipway.platform.runs.records import Cancellation, Cause, Outcome, State
from slipway.platform.runs.standing import Standing

RETRIED: Final = frozenset({Cause.LOST, Cause.STALLED})
ALWAYS_RETRIED: Final = frozenset({Cause.EVICTED})


@dataclass(frozen=True)
class Seen:
    """All that is known about a piece of work at one moment."""

    standing: Standing
    status: Status
    """Of the last attempt's job."""
    limits: Limits
    earlier: Sequence[Outcome] = ()
    """Of all attempts that have ended, the last one included."""
    cancellation: Cancellation | None = None
    """Of the last attempt."""
    waited: timedelta = timedelta(0)
    """Since the last attempt was assigned, by the store's clock."""
    patience: timedelta = timedelta(minutes=15)
    """How long a hopeless job is waited for."""


@dataclass(frozen=True)
class Wait:
    """Nothing is to be done now."""

    words: str = ""


@dataclass(frozen=True)
class Launch:
    """The last attempt has no job: create it."""


@dataclass(frozen=True)
class Record:
    """The last attempt ended and could not say how: this is its outcome."""

    state: State
    cause: Cause
    reason: str
    exit_code: int | None = None
    withdraw: bool = False
    """Whether its job still waits in the launcher and has to go."""


@dataclass(frozen=True)
class TakeUp:
    """The work is to be gone on with in another attempt."""


@dataclass(frozen=True)
class End:
    """It is over: done, or ended in a way that another attempt would not mend."""


Step = Wait | Launch | Record | TakeUp | End


def decide(seen: Seen) -> Step:
    """The next thing to do."""
    standing = seen.standing
    match standing.state:
        case None | State.DONE:
            return End()
        case State.PENDING:
            return _pending(seen)
        case State.RUNNING:
            return _running(seen)
        case State.LOST if standing.outcome is None:
            return _ended(seen.status) if seen.status.phase is Phase.ENDED else _lost(standing.reason)
        case _:
            return _after(seen)


def retried(earlier: Sequence[Outcome]) -> int:
    """How often the work was taken up again because of what counts."""
    return sum(one.cause in RETRIED for one in earlier)


def _pending(seen: Seen) -> Step:
    status = seen.status
    if seen.cancellation is not None:
        return _cancelled(seen.cancellation, withdraw=status.phase is not Phase.ABSENT)
    if status.phase is Phase.ABSENT:
        return Launch()
    if status.phase is Phase.ENDED:
        return _ended(status)
    if status.hopeless and status.cause is not None and seen.waited > seen.patience:
        return Record(State.FAILED, status.cause, status.words, withdraw=True)
    return Wait(status.words)


def _running(seen: Seen) -> Step:
    """Its own record speaks as long as it can; an ended job has nobody left to write one."""
    if seen.status.phase is Phase.ENDED:
        return _ended(seen.status, seen.cancellation)
    return Wait(seen.status.words)


def _after(seen: Seen) -> Step:
    """Whether an ended attempt is followed by another."""
    outcome = seen.standing.outcome
    cause = outcome.cause if outcome else None
    if cause in ALWAYS_RETRIED or (cause in RETRIED and retried(seen.earlier) <= seen.limits.retries):
        return TakeUp()
    return End()


def _ended(status: Status, cancellation: Cancellation | None = None) -> Step:
    if cancellation is not None:
        return _cancelled(cancellation, withdraw=False)
    cause = status.cause or Cause.LOST
    state = {Cause.LOST: State.LOST, Cause.EVICTED: State.RESUMABLE}.get(cause, State.FAILED)
    return Record(state, cause, status.words or "It ended without a word.", status.exit_code)


def _lost(reason: str) -> Record:
    return Record(State.LOST, Cause.LOST, f"{reason[:1].upper()}{reason[1:]}.", withdraw=True)


def _cancelled(cancellation: Cancellation, *, withdraw: bool) -> Record:
    why = f": {cancellation.why}" if cancellation.why else ""
    return Record(State.CANCELLED, Cause.CANCELLED, f"Cancelled by {cancellation.by}{why}.", withdraw=withdraw)
