"""Why a job ended: told by its runner where it could, by the launcher where it could not."""

from collections.abc import Callable
from typing import Any

import pytest

from fake_work.project import LIMITS
from slipway.platform.jobs.launchers.contract import Launcher, Phase
from slipway.platform.runs.records import Cause, State

Eventually = Callable[[Callable[[], bool], str], None]
MIB = 2**20


@pytest.mark.parametrize(
    ("said", "limits", "state", "cause"),
    [
        pytest.param({"end_with": 3}, {}, State.FAILED, Cause.EXIT_CODE, id="exit-code"),
        pytest.param({"hold": [1]}, {"deadline_seconds": 2.0}, State.RESUMABLE, Cause.DEADLINE, id="deadline"),
        pytest.param(
            {"eat": 400 * MIB, "hold": [1]}, {"memory_bytes": 200 * MIB}, State.FAILED, Cause.OUT_OF_MEMORY, id="memory"
        ),
    ],
)
def test_the_reason_is_recorded(
    site: Any, launcher: Launcher, eventually: Eventually, said: Any, limits: Any, state: State, cause: Cause
) -> None:
    work = site.work(limits=LIMITS.model_copy(update=limits), **said)
    assignment = site.assign(work)
    launcher.submit(assignment)
    end = site.overseer().see_through(assignment.key)
    outcome = end.outcome
    assert outcome is not None, end.told()
    assert (outcome.state, outcome.cause) == (state, cause), outcome
    assert cause is not Cause.EXIT_CODE or outcome.exit_code == 3
    eventually(lambda: launcher.status(assignment).phase is Phase.ENDED, "its process ends")
    assert site.mlflow_runs(work) in (["FAILED"], ["KILLED"])


def test_an_evicted_job_goes_on_from_its_checkpoint(site: Any, eventually: Eventually) -> None:
    work = site.work(steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    with site.seen_through(work) as ends:
        eventually(work.has_checkpoint, "it works")
        site.evict(assignment)
    (end,) = ends
    assert (end.state, end.number) == (State.DONE, 2), end.told()
    first = work.outcome(1)
    assert first is not None
    assert (first.state, first.cause) == (State.RESUMABLE, Cause.EVICTED), first
    assert "begins at step 2" in work.log(2)
    assert len(site.mlflow_runs(work)) == 1


def test_a_job_whose_runner_was_killed_is_taken_up_again(site: Any, eventually: Eventually) -> None:
    work = site.work(steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    with site.seen_through(work) as ends:
        eventually(work.has_checkpoint, "it works")
        trainer = site.trainer(assignment)
        site.runner(assignment).kill()
        eventually(lambda: not trainer.is_running() or trainer.status() == "zombie", "the trainer ends as well")
    (end,) = ends
    assert end.number == 2, end.told()
    assert end.state is State.DONE, end.told()
    first = work.outcome(1)
    assert first is not None
    assert first.cause in (Cause.LOST, Cause.EVICTED), first
    assert "begins at step 2" in work.log(2)
    assert len(site.mlflow_runs(work)) == 1


def test_a_killed_trainer_fails_the_attempt(site: Any, launcher: Launcher, eventually: Eventually) -> None:
    work = site.work(steps=4, every=2, hold=[1])
    assignment = site.assign(work)
    launcher.submit(assignment)
    eventually(work.has_checkpoint, "it works")
    site.trainer(assignment).kill()
    outcome = site.ended(assignment)
    assert outcome.state is State.FAILED, outcome
    assert outcome.cause in (Cause.EXIT_CODE, Cause.OUT_OF_MEMORY), outcome
    assert "SIGKILL" in outcome.reason or "memory" in outcome.reason


def test_work_without_progress_is_stalled_and_taken_up_again(site: Any) -> None:
    work = site.work(limits=LIMITS.model_copy(update={"stall_seconds": 6.0}), steps=4, every=2, hold=[1])
    site.assign(work)
    with site.seen_through(work) as ends:
        pass
    (end,) = ends
    assert (end.state, end.number) == (State.DONE, 2), end.told()
    first = work.outcome(1)
    assert first is not None
    assert first.cause is Cause.STALLED, first


def test_a_stopped_job_that_does_not_hear_is_killed_after_its_grace(
    site: Any, launcher: Launcher, eventually: Eventually
) -> None:
    work = site.work(limits=LIMITS.model_copy(update={"grace_seconds": 1.0}), steps=4, every=2, hold=[1], deaf=True)
    assignment = site.assign(work)
    launcher.submit(assignment)
    eventually(work.has_checkpoint, "it works")
    site.cancel(assignment)
    assert site.ended(assignment).state is State.CANCELLED
    eventually(lambda: launcher.status(assignment).phase in (Phase.ENDED, Phase.ABSENT), "its processes end")
