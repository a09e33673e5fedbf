"""The sweep in MLflow: a parent run, whose children are the runs of its trials.

MLflow is told and never asked: a server that is away stops nothing. What it missed is told again when the sweep is
started again, because everything is told by name.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.runs.tracking.binding import Wanted, bind, bound
from slipway.platform.runs.tracking.tracker import Point, Status, TrackedRun, Tracker
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.training.sweep.records import Outcome, Sweep

PARENT: Final = "mlflow.parentRunId"
SWEEP: Final = "sweep"
log = logging.getLogger(__name__)


class Parent:
    """The parent run of a sweep."""

    def __init__(self, store: Store, tracker: Tracker, sweep: "Sweep", name: str) -> None:
        self._store, self._tracker, self._sweep, self._name = store, tracker, sweep, name
        self._run: TrackedRun | None = None
        self._away = False

    @property
    def run_id(self) -> str | None:
        """MLflow's name for it; None while MLflow is away."""
        self._quietly(self._bind)
        return self._run.run_id if self._run else None

    def page(self) -> str:
        """Where a person looks at it."""
        return self._tracker.page(self._run) if self._run else ""

    def adopt(self, outcome: "Outcome") -> None:
        """Make a trial's run a child, and draw its score."""
        self._quietly(lambda: self._adopt(outcome))

    def finish(self, status: Status, best: Mapping[str, str]) -> None:
        """Say how the sweep stands."""
        self._quietly(lambda: self._finish(status, best))

    def _bind(self) -> TrackedRun:
        if self._run is None:
            tags = {
                "slipway.kind": "sweep",
                "mlflow.note.content": "  \n".join(self._sweep.space),
            }
            wanted = Wanted(self._sweep.key, self._sweep.model, self._name, int(time.time() * 1000), tags)
            self._run = bind(self._store, self._tracker, wanted)
            self._tracker.status(self._run.run_id, "RUNNING")
        return self._run

    def _adopt(self, outcome: "Outcome") -> None:
        parent = self._bind()
        child = bound(self._store, outcome.run) if outcome.run else None
        if child is not None:
            self._tracker.write(child.run_id, tags={PARENT: parent.run_id})
        if outcome.score is not None:
            when = parent.started + outcome.number  # the same point, however often it is told
            self._tracker.write(parent.run_id, [Point(outcome.metric, outcome.score, outcome.number, when)])

    def _finish(self, status: Status, best: Mapping[str, str]) -> None:
        parent = self._bind()
        self._tracker.write(parent.run_id, tags={f"slipway.best.{name}": value for name, value in best.items()})
        self._tracker.status(parent.run_id, status, int(time.time() * 1000))

    def _quietly(self, tell: Callable[[], object]) -> None:
        try:
            tell()
        except SlipwayError as error:
            if not self._away:
                log.warning("The sweep goes on without MLflow: %s", error)
            self._away = True


def tags_of(sweep: "Sweep", parent: Parent) -> dict[str, str]:
    """What a trial's run is tagged with, so that it is found below its sweep."""
    run_id = parent.run_id
    return {SWEEP: sweep.key, **({PARENT: run_id} if run_id else {})}
