"""The end of an attempt: everything to the store, the result bound, MLflow told, the outcome recorded. In this order.

Killed in between, the next attempt finds the last checkpoint and does the rest again. A store that is away is asked
again for as long as `patience` allows; then the workplace stays, and the error says where.
"""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.runner.carrier import Carrier
from slipway.platform.jobs.runner.ending import Ended, Judged, halted_before, outcome_of
from slipway.platform.jobs.runner.log import Log
from slipway.platform.jobs.runner.masking import Masks
from slipway.platform.jobs.runner.nodes import NodeLost
from slipway.platform.jobs.runner.stopping import Halt, Stop
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.spending import Charge
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Cause, Outcome, Result, State
from slipway.platform.runs.results import bind_result, load_result, store_files
from slipway.platform.runs.tracking.shipping import Shipper
from slipway.platform.runs.workplace import Summary, Workplace
from slipway.platform.store import Store, StoreUnreachable

T = TypeVar("T")
PAUSE: Final = 1.0
WEIGHTS: Final = "weights.safetensors"


@dataclass(frozen=True)
class Ran:
    """What became of an attempt."""

    outcome: Outcome
    result: Result | None = None
    """The work's result; another attempt may have been the first."""
    same: bool | None = None
    """For an attempt at work that had a result: whether the weights are the same to the bit."""
    page: str = ""
    """Where a person looks at the MLflow run."""
    behind: str = ""
    """What MLflow does not know yet, in words."""
    complete: bool = True
    """Whether everything is in the store, so that the workplace may go."""


@dataclass(frozen=True)
class Conclusion:
    """One attempt's end."""

    store: Store
    job: JobSpec
    attempt: Attempt
    workplace: Workplace
    log: Log
    masks: Masks
    carrier: Carrier
    shipper: Shipper | None
    patience: float
    """Seconds for which a store that is away is waited for."""
    tracking_patience: float
    """Seconds for which an MLflow that is away is waited for; the rest is sent another time."""
    with_others: Callable[[Outcome], Outcome]
    """Adds what other nodes have used."""

    def draw(self, ended: Ended) -> Ran:
        """Do it all."""
        outcome = self._outcome(ended)
        if outcome.state is State.LOST:  # others decide what becomes of the work, and say so
            self.log.say(told_at_end(outcome))
            if self.shipper is not None:
                self.shipper.abandon()
            logged, carried = self.log.finish(0.0), self.carrier.finish(0.0, killed=ended.killed)
            return Ran(outcome, complete=logged and carried)
        carried = self.carrier.finish(self.patience, killed=ended.killed)
        outcome = self._with_what_stays(outcome)
        self.log.say(told_at_end(outcome))
        logged = self.log.finish(self.patience)
        own = self._patiently(self._own_result) if outcome.state is State.DONE else None
        bound = self._patiently(lambda: bind_result(self.store, own) if own else self._load())
        page, behind = self._tell_mlflow(outcome)
        whole = self.with_others(outcome)
        recorded = self._patiently(lambda: self.attempt.finish(whole))
        if own is not None:
            self._keep_one_checkpoint()
        same = own.files.get(WEIGHTS) == bound.files.get(WEIGHTS) if own and bound and own != bound else None
        return Ran(recorded, bound, same, page, behind, logged and carried)

    def _outcome(self, ended: Ended) -> Outcome:
        """A launcher that was told to cancel sends a signal; the record says whose wish that was."""
        if ended.submitted and ended.asked and ended.halted is None and ended.lost is None:
            cancellation = self._patiently(self.attempt.cancellation)
            ended = replace(ended, halted=Halt.cancelled(cancellation)) if cancellation else ended
        outcome = outcome_of(ended, self.workplace, datetime.now(UTC), self.masks)
        return Charge.of(self.job, ended.seconds).on(outcome)

    def _with_what_stays(self, outcome: Outcome) -> Outcome:
        """Where it can be started again: what it would go on from."""
        if outcome.state not in {State.RESUMABLE, State.CANCELLED}:
            return outcome
        found = self._patiently(lambda: checkpoints.stored(self.store, WorkKeys(self.attempt.key)))
        mend = " ".join(filter(None, (outcome.mend, what_stays(self.job, found))))
        return outcome.model_copy(update={"mend": mend})

    def _own_result(self) -> Result:
        """The child's files, in the store."""
        summary = Summary.model_validate_json(self.workplace.summary.read_bytes())
        files = store_files(self.store, self.workplace.results)
        files.pop(self.workplace.summary.name)
        return Result(
            key=self.attempt.key,
            attempt=self.attempt.number,
            finished=datetime.now(UTC),
            files=files,
            metrics=summary.metrics,
            steps=summary.steps,
            seconds=summary.seconds,
        )

    def _load(self) -> Result | None:
        return load_result(self.store, self.attempt.key)

    def _tell_mlflow(self, outcome: Outcome) -> tuple[str, str]:
        if self.shipper is None:
            return "", ""
        standing = self.shipper.close(outcome, self.tracking_patience)
        return standing.page, "" if standing.complete else standing.line() or "MLflow does not know all of it yet"

    def _keep_one_checkpoint(self) -> None:
        found = checkpoints.stored(self.store, WorkKeys(self.attempt.key))
        checkpoints.prune(self.store, found, 1)

    def _patiently(self, step: Callable[[], T]) -> T:
        return patiently(step, self.patience)


@dataclass(frozen=True)
class Unbegun:
    """The end of an attempt that never had a child."""

    job: JobSpec
    attempt: Attempt
    stop: Stop
    log: Log
    masks: Masks
    patience: float
    """Seconds for which a store that is away is waited for."""

    def draw(self, error: BaseException, seconds: float) -> Ran:
        """Record why; where another node has vanished, only the launcher knows."""
        judged = self._judged(error)
        outcome = Outcome(
            state=judged.state,
            reason=self.masks.text(judged.reason),
            cause=judged.cause,
            mend=self.masks.text(judged.mend),
            traceback=self.masks.text(judged.traceback),
            ended=datetime.now(UTC),
            seconds=seconds,
        )
        outcome = Charge.of(self.job, seconds).on(outcome)
        self.log.say(told_at_end(outcome))
        self.log.finish(self.patience)
        if outcome.state is State.LOST:  # others decide what becomes of the work, and say so
            return Ran(outcome)
        return Ran(patiently(lambda: self.attempt.finish(outcome), self.patience))

    def _judged(self, error: BaseException) -> Judged:
        if isinstance(error, KeyboardInterrupt):
            halt = self.stop.halted
            if halt is None and self.stop.submitted:
                cancellation = patiently(self.attempt.cancellation, self.patience)
                halt = Halt.cancelled(cancellation) if cancellation else None
            if halt is not None or not isinstance(self.stop.lost, NodeLost):
                return halted_before(halt, submitted=self.stop.submitted)
            error = self.stop.lost
        if isinstance(error, NodeLost):
            return Judged(State.LOST, str(error), Cause.LOST)
        if isinstance(error, SlipwayError):
            return Judged(State.FAILED, str(error), Cause.EXIT_CODE, error.mend or "")
        lines = "".join(traceback.format_exception(error))
        return Judged(State.FAILED, f"{type(error).__name__}: {error}", Cause.EXIT_CODE, traceback=lines)


def what_stays(job: JobSpec, found: Sequence[checkpoints.Found]) -> str:
    """What another attempt goes on from, a sentence."""
    if not found:
        return "It left no checkpoint: started again, it begins anew."
    return f"Started again, it goes on from {checkpoints.told(job, found[0])}."


def told_at_end(outcome: Outcome) -> str:
    """The log's last lines."""
    return "\n".join(filter(None, (f"{outcome.state}: {outcome.reason}", outcome.mend)))


def patiently(step: Callable[[], T], patience: float) -> T:
    """Do it, again while the store does not answer, for so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return step()
        except StoreUnreachable:
            if time.monotonic() >= deadline:
                raise
        time.sleep(PAUSE)
