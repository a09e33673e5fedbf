"""A further node of an attempt: it joins what the first node leads.

It has a workplace, a log, signs of life and an outcome of its own; checkpoints, journal, result and MLflow are the
first node's. It waits for what that one says, brings exactly that checkpoint, and ends with it.
"""

import math
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from slipway.platform.jobs.runner.attempt import Run, Surroundings
from slipway.platform.jobs.runner.child import Child, Nodes
from slipway.platform.jobs.runner.concluding import Ran, patiently, told_at_end
from slipway.platform.jobs.runner.ending import Ended, outcome_of
from slipway.platform.jobs.runner.limits import with_stacks
from slipway.platform.jobs.runner.meeting import await_meeting, bring_checkpoint
from slipway.platform.jobs.runner.nodes import Companions
from slipway.platform.jobs.runner.preparing import prepare
from slipway.platform.jobs.runner.stopping import Halt, Stop, listening
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.watching import Watcher
from slipway.platform.runs.attempts import begin
from slipway.platform.runs.records import AttemptSpec, Cause, Outcome, State

if TYPE_CHECKING:
    from slipway.platform.jobs.runner import checkpoints
    from slipway.platform.jobs.runner.main import Here
    from slipway.platform.runs.attempts import Attempt

FAREWELL: Final = 30.0
"""Seconds in which the first node records how the attempt ended, before this one's end is seen."""
ALL_ASKED: Final = 3.0
"""Seconds in which the processes of all nodes say where they stand, before the first end lets the others fail."""


def join(here: "Here", spec: AttemptSpec, job: JobSpec, surroundings: Surroundings, watcher: Watcher) -> Ran:
    """Do this node's part to its end."""
    lock = here.hold(spec.nonce_of(here.node))
    deadline = timedelta(seconds=job.limits.silence_seconds)
    try:
        part = begin(here.store, here.key, here.number, here.place(spec), lock, node=here.node, deadline=deadline)
    except BaseException:
        lock.close(settled=False)
        raise
    with part, listening(submitted=True) as stop:
        stall = job.limits.stall_seconds
        return Joined(of_node(job), part, surroundings, watcher, stop, stall=stall).execute(None)


def of_node(job: JobSpec) -> JobSpec:
    """The job with the limits that a further node watches over itself: its memory, and the grace."""
    own = {"budget": None, "deadline_seconds": None, "stall_seconds": math.inf}
    return job.model_copy(update={"limits": job.limits.model_copy(update=own)})


class Joined(Run):
    """One node's part of an execution."""

    def __init__(
        self,
        job: JobSpec,
        attempt: "Attempt",
        surroundings: Surroundings,
        watcher: Watcher,
        stop: Stop,
        *,
        stall: float = math.inf,
    ) -> None:
        super().__init__(job, attempt, surroundings, watcher, stop)
        patience = surroundings.settings.jobs.pending_seconds
        self._first = Companions(
            attempt, surroundings.store, stop, [0], patience=patience, stall=stall, stalled=self._stalled
        )
        self._child: Child | None = None

    def _watch_others(self) -> None:
        """Until the nodes have met, `await_meeting` watches the first one."""

    def _fetch(self) -> None:
        prepare(
            self._job,
            self._attempt.number,
            self._workplace,
            self._with.store,
            self._with.settings,
            self._note,
            self._bring_checkpoint,
        )

    def _bring_checkpoint(self) -> "checkpoints.Found | None":
        store, patience = self._with.store, self._with.settings.jobs.pending_seconds
        meeting = await_meeting(self._attempt, store, patience)
        self._nodes = Nodes(self._job.nodes, self._attempt.node, meeting.address, patience)
        return bring_checkpoint(meeting, self._attempt, store, self._workplace)

    def _follow(self, child: Child) -> Ran:
        self._guard.watch(child)
        self._child = child
        self._first.start()
        try:
            ended = self._watch(child)
        finally:
            self._first.end()
        self._stop.phase = "concluding"
        outcome = self._judged(ended)
        self._log.say(told_at_end(outcome))
        complete = self._log.finish(self._with.patience)
        recorded = patiently(lambda: self._attempt.finish(outcome), self._with.patience)
        if recorded.state is not State.DONE:
            self._first.outcomes(FAREWELL)
        return Ran(recorded, complete=complete)

    def _never_began(self, error: BaseException) -> Ran:
        try:
            return super()._never_began(error)
        finally:
            self._first.outcomes(FAREWELL)

    def _stalled(self) -> None:
        """The first node sees no progress: say where the processes here stand, before any is ended."""
        halt = Halt(Cause.STALLED, "The first node sees no progress any more.", at_once=True)
        if self._child is not None:
            halt = with_stacks(halt, self._child, self._workplace.log)
            time.sleep(ALL_ASKED)
        self._stop.halt(halt)

    def _judged(self, ended: Ended) -> Outcome:
        outcome = outcome_of(ended, self._workplace, datetime.now(UTC), self._masks)
        if ended.code != 0:
            return outcome
        return outcome.model_copy(
            update={"state": State.DONE, "reason": "Done.", "cause": None, "mend": "", "traceback": ""}
        )
