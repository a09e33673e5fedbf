"""One MLflow run for one piece of work: create-and-bind.

Look for the run that is bound, then for one by its tag; else create one. `put_if_absent` decides whose run it is;
whoever loses deletes its own and adopts. A process that is killed between creating and binding leaves a run with the
tag, which the next one finds and adopts, or deletes when another one is bound: there is never a second active run for
long, unless nobody who comes by may delete runs.

A run that somebody deleted in MLflow is restored: deleting hides a record that the store still points at. One that is
gone for good (`mlflow gc`, another server) is bound anew, to a new run, and a warning is logged.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import Binding
from slipway.platform.runs.tracking.tracker import TrackedRun, Tracker, TrackingDenied, TrackingRefused
from slipway.platform.store import Store

KEY_TAG: Final = "slipway.key"
ROUNDS: Final = 5
"""Others may delete a run between our looking and our adopting, but not that often."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """The run to find or to make."""

    key: str
    experiment: str
    """The model."""
    name: str
    """Readable."""
    started: int
    """Milliseconds since 1970."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of a run that is made."""


def bind(store: Store, tracker: Tracker, wanted: Wanted) -> TrackedRun:
    """The one active run of the work, bound in the store."""
    if "'" in wanted.key or "`" in wanted.key:
        raise WrongUse(f"`{wanted.key}` is not the key of a piece of work.")
    for _ in range(ROUNDS):
        run = _bound(store, tracker, wanted) or _adopt_or_create(store, tracker, wanted)
        if run is not None:
            _delete_strays(tracker, wanted, run)
            return run
    raise TrackingRefused(
        f"The MLflow run of {wanted.key} at {tracker.address} disappears as often as it is made.",
        mend="Find out who deletes runs there, then start again.",
    )


def bound(store: Store, key: str) -> Binding | None:
    """What the store says; nobody else is asked."""
    return Binding.load(store, WorkKeys(key).mlflow)


def _bound(store: Store, tracker: Tracker, wanted: Wanted) -> TrackedRun | None:
    """The bound run, active again if somebody deleted it; nothing when there is none, or none any more."""
    binding = bound(store, wanted.key)
    if binding is None:
        return None
    run = tracker.look(binding.run_id)
    if run is None:
        log.warning(
            "MLflow at %s has lost the run %s of %s: making another", tracker.address, binding.run_id, wanted.key
        )
        if bound(store, wanted.key) == binding:
            store.delete(WorkKeys(wanted.key).mlflow)
        return None
    if not run.active:
        tracker.experiment(wanted.experiment)  # it may have been deleted with its experiment
        tracker.restore(run.run_id)
        return tracker.look(run.run_id)
    return run


def _adopt_or_create(store: Store, tracker: Tracker, wanted: Wanted) -> TrackedRun | None:
    experiment = tracker.experiment(wanted.experiment)
    found = tracker.find(experiment, KEY_TAG, wanted.key)
    tags = {**wanted.tags, KEY_TAG: wanted.key}
    run = found[0] if found else tracker.create(experiment, wanted.name, tags, wanted.started)
    mine = Binding(run_id=run.run_id, experiment_id=run.experiment_id, name=run.name)
    stored = mine.bind(store, WorkKeys(wanted.key).mlflow)
    if stored.run_id == run.run_id:
        return run
    if not found:
        _delete(tracker, run)
    return _bound(store, tracker, wanted)


def _delete_strays(tracker: Tracker, wanted: Wanted, run: TrackedRun) -> None:
    """Runs that were made for this work and are not the one."""
    for stray in tracker.find(run.experiment_id, KEY_TAG, wanted.key):
        if stray.run_id != run.run_id:
            _delete(tracker, stray)


def _delete(tracker: Tracker, run: TrackedRun) -> None:
    with suppress(TrackingRefused):  # somebody did already
        try:
            tracker.delete(run.run_id)
        except TrackingDenied as error:  # a second run is a blemish, none at all would be a loss
            log.warning("The stray MLflow run %s stays until somebody who may deletes it. %s", run.run_id, error)
