"""What the local launcher says of a job, from what it sees of each node's runner."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slipway.platform.jobs.launchers.contract import Phase
from slipway.platform.jobs.launchers.local_job import Life
from slipway.platform.jobs.launchers.local_status import NodeSeen, judge
from slipway.platform.runs.records import Cause, Outcome, State

NONE, LIVES, OVER = Life.NONE, Life.LIVES, Life.OVER


def ended(state: State, reason: str, cause: Cause | None = None, exit_code: int | None = None) -> Outcome:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    return Outcome(state=state, reason=reason, cause=cause, exit_code=exit_code, ended=now, seconds=1)


def silent(seconds: float) -> Any:
    return {"begun": True, "silent": timedelta(seconds=seconds)}


CASES: dict[str, tuple[list[tuple[Life, Any]], Phase, Cause | None, str]] = {
    "nothing was started": ([(NONE, {}), (NONE, {})], Phase.ABSENT, None, ""),
    "only the second node was started": ([(NONE, {}), (LIVES, {})], Phase.ABSENT, None, "Only some"),
    "all are starting": ([(LIVES, {}), (LIVES, {})], Phase.PENDING, None, "starting"),
    "the first has begun": ([(LIVES, {"begun": True}), (LIVES, {})], Phase.RUNNING, None, ""),
    "one node is left": ([(OVER, {"begun": True}), (LIVES, {"begun": True})], Phase.RUNNING, None, ""),
    "it never began": ([(OVER, {"printed": "no such job"})], Phase.ENDED, Cause.EXIT_CODE, "last words: no such job"),
    "it is gone": ([(OVER, silent(1))], Phase.ENDED, Cause.LOST, "Its process is gone"),
    "the second was silent first": ([(OVER, silent(1)), (OVER, silent(9))], Phase.ENDED, Cause.LOST, "node 1 is gone"),
    "the second says why": (
        [(OVER, silent(1)), (OVER, {"begun": True, "outcome": ended(State.FAILED, "no disk", Cause.EXIT_CODE, 3)})],
        Phase.ENDED,
        Cause.EXIT_CODE,
        "node 1: no disk",
    ),
    "it could say why": (
        [(OVER, {"begun": True, "outcome": ended(State.RESUMABLE, "moved", Cause.EVICTED)})],
        Phase.ENDED,
        Cause.EVICTED,
        "moved",
    ),
}


@pytest.mark.parametrize(("nodes", "phase", "cause", "words"), CASES.values(), ids=CASES)
def test_the_job_is_judged_by_its_nodes(nodes: Any, phase: Phase, cause: Cause | None, words: str) -> None:
    seen = [NodeSeen(number, life, **more) for number, (life, more) in enumerate(nodes)]
    status = judge(seen, rebooted=False, host="harbour")
    assert (status.phase, status.cause) == (phase, cause), status
    assert words in status.words
    assert len(status.nodes) == len(nodes)


def test_after_a_restart_of_the_machine_it_is_lost_even_if_it_never_began() -> None:
    status = judge([NodeSeen(0, OVER, printed="hello")], rebooted=True, host="harbour")
    assert (status.phase, status.cause, status.words) == (Phase.ENDED, Cause.LOST, "harbour was started anew.")
