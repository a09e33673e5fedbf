"""The end of an attempt: everything to the store, the result bound, MLflow told, the outcome recorded. In this order.

Killed in between, the next attempt finds the last checkpoint and does the rest again. A store that is away is asked
again for as long as `patience` allows; then the workplace stays, and the error says where.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.runner.carrier import Carrier
from slipway.platform.jobs.runner.ending import Ended, outcome_of
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Outcome, Result, State
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
    attempt: Attempt
    workplace: Workplace
    carrier: Carrier
    shipper: Shipper | None
    patience: float
    """Seconds for which a store that is away is waited for."""
    tracking_patience: float
    """Seconds for which an MLflow that is away is waited for; the rest is sent another time."""

    def draw(self, ended: Ended) -> Ran:
        """Do it all."""
        outcome = outcome_of(ended, self.workplace, datetime.now(UTC))
        if outcome.state is State.LOST:  # others decide what becomes of the work, and say so
            if self.shipper is not None:
                self.shipper.abandon()
            carried = self.carrier.finish(0.0)
            return Ran(outcome, complete=carried)
        carried = self.carrier.finish(self.patience)
        own = self._patiently(self._own_result) if outcome.state is State.DONE else None
        bound = self._patiently(lambda: bind_result(self.store, own) if own else self._load())
        page, behind = self._tell_mlflow(outcome)
        recorded = self._patiently(lambda: self.attempt.finish(outcome))
        if own is not None:
            self._keep_one_checkpoint()
        same = own.files.get(WEIGHTS) == bound.files.get(WEIGHTS) if own and bound and own != bound else None
        return Ran(recorded, bound, same, page, behind, carried)

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
        """Do it, again while the store does not answer."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return step()
            except StoreUnreachable:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(PAUSE)
