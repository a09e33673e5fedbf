"""What comes next for submitted work, by what is known about it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from slipway.platform.jobs.launchers.contract import Phase, Status
from slipway.platform.jobs.overseeing.deciding import (
    End,
    Launch,
    Record,
    Seen,
    Step,
    Stop,
    TakeUp,
    Wait,
    decide,
    pause_before_next,
)
from slipway.platform.jobs.spec import Limits
from slipway.platform.runs.records import AttemptSpec, Cancellation, Cause, Heartbeat, Outcome, Place, Result, State
from slipway.platform.runs.standing import Standing

NOW: Final = datetime(2026, 11, 20, tzinfo=UTC)
LIMITS: Final = Limits(silence_seconds=180, stall_seconds=1800, grace_seconds=60, retries=2)
ABSENT, RUNNING = Status(Phase.ABSENT), Status(Phase.RUNNING, "one of one runs")
PENDING, ENDED = Status(Phase.PENDING, "waits for a node"), Status(Phase.ENDED)
CANCELLED: Final = Cancellation(by="ada", why="wrong data", asked=NOW)
MINUTE: Final = timedelta(minutes=1)


def outcome(state: State, cause: Cause | None = None) -> Outcome:
    return Outcome(state=state, cause=cause, reason="It ended so.", ended=NOW, seconds=5.0)


LOST: Final = outcome(State.LOST, Cause.LOST)
STALLED: Final = outcome(State.FAILED, Cause.STALLED)
EVICTED: Final = outcome(State.RESUMABLE, Cause.EVICTED)
FAILED: Final = outcome(State.FAILED, Cause.EXIT_CODE)


def seen(state: State | None, status: Status = ABSENT, ended: Outcome | None = None, **more: Any) -> Seen:
    """Work whose second attempt is in that state."""
    standing_of = {name: more.pop(name) for name in ("heartbeat", "result") if name in more}
    spec = AttemptSpec(
        nonce="n" * 8, number=2, submitted_by="ada", created=NOW, place=Place(), why="first", name="a", job="j"
    )
    now = Standing("r1-0", state, spec if state else None, outcome=ended, reason="silent for 200 s", **standing_of)
    given = {"earlier": (ended,) if ended else (), **more}
    return Seen(now, status, LIMITS, **given)


def beat(still: float) -> Heartbeat:
    return Heartbeat(nonce="n", sequence=3, still=still)


def result(attempt: int) -> Result:
    return Result(key="r1-0", attempt=attempt, finished=NOW, files={}, metrics={}, steps=1, seconds=1.0)


def kind(seen: Seen) -> tuple[type[Step], Cause | None, bool]:
    """The step; of a record its cause, and whether its job is stopped as well."""
    step = decide(seen)
    return type(step), getattr(step, "cause", None), getattr(step, "withdraw", False)


TABLE: Final[dict[str, tuple[Seen, type[Step], Cause | None, bool]]] = {
    "nobody has begun it": (seen(None), End, None, False),
    "done": (seen(State.DONE, result=result(2)), End, None, False),
    "pending without a job": (seen(State.PENDING), Launch, None, False),
    "pending in its launcher": (seen(State.PENDING, PENDING), Wait, None, False),
    "its process starts": (seen(State.PENDING, RUNNING), Wait, None, False),
    "pending in its launcher, but not whole": (
        seen(State.PENDING, replace(PENDING, incomplete=True)), Launch, None, False
    ),
    "running, but not whole": (seen(State.RUNNING, replace(RUNNING, incomplete=True)), Launch, None, False),
    "not whole, and cancelled": (
        seen(State.PENDING, replace(PENDING, incomplete=True), cancellation=CANCELLED), Record, Cause.CANCELLED, True
    ),
    "ended before it began": (
        seen(State.PENDING, replace(ENDED, cause=Cause.EXIT_CODE)), Record, Cause.EXIT_CODE, False
    ),
    "ended before it began, nobody knows why": (seen(State.PENDING, ENDED), Record, Cause.LOST, False),
    "hopeless, but not for long": (
        seen(State.PENDING, replace(PENDING, cause=Cause.IMAGE_MISSING), waited=MINUTE), Wait, None, False
    ),
    "hopeless for long": (
        seen(State.PENDING, replace(PENDING, cause=Cause.UNSCHEDULABLE), waited=60 * MINUTE),
        Record, Cause.UNSCHEDULABLE, True,
    ),
    "pending for long, with hope": (seen(State.PENDING, PENDING, waited=600 * MINUTE), Wait, None, False),
    "cancelled before it had a job": (
        seen(State.PENDING, cancellation=CANCELLED), Record, Cause.CANCELLED, False
    ),
    "cancelled in the queue": (seen(State.PENDING, PENDING, cancellation=CANCELLED), Record, Cause.CANCELLED, True),
    "running": (seen(State.RUNNING, RUNNING), Wait, None, False),
    "running, and its launcher forgot it": (seen(State.RUNNING, ABSENT), Wait, None, False),
    "its job ended while its signs are fresh": (
        seen(State.RUNNING, replace(ENDED, cause=Cause.OUT_OF_MEMORY)), Record, Cause.OUT_OF_MEMORY, False
    ),
    "cancelled just now": (
        seen(State.RUNNING, RUNNING, cancellation=CANCELLED, cancelled_for=MINUTE / 2), Wait, None, False
    ),
    "cancelled, and hangs behind its grace": (
        seen(State.RUNNING, RUNNING, cancellation=CANCELLED, cancelled_for=2 * MINUTE), Stop, None, False
    ),
    "cancelled, and killed for it": (
        seen(State.RUNNING, ENDED, cancellation=CANCELLED), Record, Cause.CANCELLED, False
    ),
    "stands still, its runner may say so itself": (
        seen(State.RUNNING, RUNNING, heartbeat=beat(1810)), Wait, None, False
    ),
    "stands still, and its runner says nothing": (
        seen(State.RUNNING, RUNNING, heartbeat=beat(1900)), Record, Cause.STALLED, True
    ),
    "stands still under `slipway train`": (
        seen(State.RUNNING, heartbeat=beat(1900), launched=False), Wait, None, False
    ),
    "silent, and gone": (seen(State.LOST, ABSENT), Record, Cause.LOST, False),
    "silent, its job is there": (seen(State.LOST, RUNNING), Record, Cause.LOST, True),
    "silent, its launcher knows why": (
        seen(State.LOST, replace(ENDED, cause=Cause.EVICTED)), Record, Cause.EVICTED, False
    ),
    "silent and cancelled": (seen(State.LOST, RUNNING, cancellation=CANCELLED), Record, Cause.CANCELLED, True),
    "`slipway train` was killed": (seen(State.LOST, launched=False), Record, Cause.LOST, False),
    "lost": (seen(State.LOST, ABSENT, LOST), TakeUp, None, False),
    "lost, its job ended": (seen(State.LOST, ENDED, LOST), TakeUp, None, False),
    "lost, its job still lives": (seen(State.LOST, RUNNING, LOST), Stop, None, False),
    "lost, its job waits in a queue": (seen(State.LOST, PENDING, LOST), Stop, None, False),
    "lost, and nobody can stop its job, but it has stopped itself": (
        seen(State.LOST, RUNNING, LOST, ended_for=5 * MINUTE), TakeUp, None, False
    ),
    "stalled, its job still lives": (seen(State.FAILED, RUNNING, STALLED), Stop, None, False),
    "evicted, its job is ending": (seen(State.RESUMABLE, RUNNING, EVICTED), Wait, None, False),
    "evicted, its job does not end": (seen(State.RESUMABLE, RUNNING, EVICTED, ended_for=2 * MINUTE), Stop, None, False),
    "evicted": (seen(State.RESUMABLE, ABSENT, EVICTED), TakeUp, None, False),
    "evicted and cancelled": (seen(State.RESUMABLE, ABSENT, EVICTED, cancellation=CANCELLED), End, None, False),
    "evicted again and again without progress": (
        seen(State.RESUMABLE, ABSENT, EVICTED, earlier=(EVICTED,) * 9), Wait, None, False
    ),
    "evicted often, and long ago": (
        seen(State.RESUMABLE, ABSENT, EVICTED, earlier=(EVICTED,) * 9, ended_for=16 * MINUTE), TakeUp, None, False
    ),
    "lost twice": (seen(State.LOST, ABSENT, LOST, earlier=(LOST, LOST)), TakeUp, None, False),
    "lost and stalled too often": (seen(State.LOST, ABSENT, LOST, earlier=(LOST, STALLED, LOST)), End, None, False),
    "lost too often, its job still lives": (seen(State.LOST, RUNNING, LOST, earlier=(LOST,) * 3), Stop, None, False),
    "evictions do not count": (seen(State.LOST, ABSENT, LOST, earlier=(EVICTED,) * 5 + (LOST,)), TakeUp, None, False),
    "failed": (seen(State.FAILED, ABSENT, FAILED), End, None, False),
    "stopped at its budget": (seen(State.FAILED, ABSENT, outcome(State.FAILED, Cause.BUDGET)), End, None, False),
    "at its deadline": (seen(State.FAILED, ABSENT, outcome(State.FAILED, Cause.DEADLINE)), End, None, False),
    "cancelled": (seen(State.CANCELLED, ABSENT, outcome(State.CANCELLED, Cause.CANCELLED)), End, None, False),
    "a person's Ctrl-C": (seen(State.RESUMABLE, ABSENT, outcome(State.RESUMABLE, Cause.STOPPED)), End, None, False),
    "`slipway train` that is recorded as lost": (seen(State.LOST, ABSENT, LOST, launched=False), End, None, False),
    "done once, and done once more when its place was taken": (
        seen(State.DONE, ABSENT, EVICTED, result=result(1)), TakeUp, None, False
    ),
    "done once, and the next one is silent": (seen(State.DONE, ABSENT, result=result(1)), Record, Cause.LOST, False),
    "done once, and the next one failed": (seen(State.DONE, ABSENT, FAILED, result=result(1)), End, None, False),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLE)
def test_each_situation_has_its_next_step(what: str) -> None:
    found, step, cause, withdraw = TABLE[what]
    assert kind(found) == (step, cause, withdraw)


@pytest.mark.parametrize(
    ("spent", "expected"), [("0.99", TakeUp), ("1", End), ("1.5", End)], ids=["below", "at", "over"]
)
@pytest.mark.parametrize("ended", [LOST, EVICTED], ids=["lost", "evicted"])
def test_a_budget_that_is_used_up_is_not_taken_up(ended: Outcome, spent: str, expected: type[Step]) -> None:
    limits = LIMITS.model_copy(update={"budget": Decimal(1)})
    found = replace(seen(ended.state, ABSENT, ended, spent=Decimal(spent)), limits=limits)
    assert isinstance(decide(found), expected)


def test_work_that_is_evicted_without_progress_is_left_alone_for_longer_each_time() -> None:
    steps = {number: pause_before_next((EVICTED,) * number).total_seconds() for number in (1, 2, 3, 4, 60)}
    assert steps == {1: 0, 2: 15, 3: 30, 4: 60, 60: 900}
    further = [EVICTED.model_copy(update={"step": step}) for step in (5, 9, 13)]
    assert not pause_before_next((EVICTED, EVICTED, *further))


def test_a_person_may_go_on_at_once_with_what_rests() -> None:
    resting = decide(seen(State.RESUMABLE, ABSENT, EVICTED, earlier=(EVICTED,) * 2))
    assert isinstance(resting, Wait)
    assert (resting.resting, resting.words) == (True, "evicted again without progress; it goes on in 1 min")


def test_what_a_launcher_says_of_an_end_is_the_reason_that_is_recorded() -> None:
    status = Status(Phase.ENDED, "Node 1 was killed: out of memory.", Cause.OUT_OF_MEMORY, exit_code=137)
    assert decide(seen(State.RUNNING, status)) == Record(
        State.FAILED, Cause.OUT_OF_MEMORY, "Node 1 was killed: out of memory.", 137
    )


def test_a_cancellation_is_recorded_with_who_and_why() -> None:
    step = decide(seen(State.PENDING, PENDING, cancellation=CANCELLED))
    assert isinstance(step, Record)
    assert step.reason == "Cancelled by ada: wrong data."
