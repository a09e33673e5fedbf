"""Bringing work about: attach to who is at it, return what is done, or be the one who executes it.

Any number of processes may ask for the same work at the same time: one of them claims the attempt, the others follow
its progress to its end. When the one they follow is lost, one of them goes on from its last checkpoint.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from slipway.platform.jobs.attaching import follow
from slipway.platform.jobs.launchers.opening import open_launcher
from slipway.platform.jobs.overseeing.overseer import Overseer
from slipway.platform.jobs.overseeing.settling import settle
from slipway.platform.jobs.runner.attempt import Surroundings, run_attempt
from slipway.platform.jobs.runner.child import Ahead
from slipway.platform.jobs.runner.concluding import Ran
from slipway.platform.jobs.submitting.planning import Planned
from slipway.platform.jobs.submitting.providing import claimant_of, name_work, provide
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.runs.attempts import Attempt, claim
from slipway.platform.runs.names import check_free
from slipway.platform.runs.records import Outcome, Place, Result, State
from slipway.platform.runs.standing import Here, Standing, standing
from slipway.platform.runs.tracking.tracker import Tracker, open_tracker
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

STATE: Final = ".slipway"
KEY_SHOWN: Final = 15


@dataclass(frozen=True)
class Request:
    """Who asks, and what is said about it; nothing of this changes the work."""

    submitted_by: str
    name: str | None = None
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    again: bool = False
    revision: str = ""
    patch: str = ""


@dataclass(frozen=True)
class Brought:
    """How the work stands after it was asked for."""

    how: Literal["ran", "attached", "found"]
    standing: Standing
    name: str
    ran: Ran | None = None

    @property
    def result(self) -> Result | None:
        """What came of it, if anything."""
        return self.ran.result if self.ran and self.ran.result else self.standing.result

    @property
    def outcome(self) -> Outcome | None:
        """How the attempt ended."""
        return self.ran.outcome if self.ran else self.standing.outcome

    @property
    def state(self) -> State:
        """Where the work stands."""
        if self.ran is not None and self.ran.outcome.state is not State.LOST:
            return self.ran.outcome.state
        return self.standing.state or State.LOST


def bring_about(
    planned: Planned,
    request: Request,
    loaded: "Loaded",
    watcher: Watcher = SILENT,
    *,
    store: Store | None = None,
    ahead: Ahead | None = None,
) -> Brought:
    """See the work through to an end, here or wherever it runs already."""
    bringing = _Bringing(
        planned, request, loaded, watcher, store or open_store(loaded.settings.store, loaded.settings.s3)
    )
    try:
        return bringing.bring(ahead)
    finally:
        if ahead is not None:
            ahead.dismiss()


class _Bringing:
    """One request."""

    def __init__(self, planned: Planned, request: Request, loaded: "Loaded", watcher: Watcher, store: Store) -> None:
        self._planned, self._request, self._loaded, self._watcher = planned, request, loaded, watcher
        self._store = store
        self._here = Here.at(loaded.root)

    def bring(self, ahead: Ahead | None) -> Brought:
        """Look, then claim, follow or run until there is an end."""
        now = standing(self._store, self._planned.key, self._here)
        how: Literal["attached", "found"] = "found"
        if self._request.name is not None:
            check_free(self._store, self._planned.key, self._request.name)
        if not self._is_done(now) and not now.under_way:
            self._provide()
        name = name_work(self._planned, self._request, self._store, now)
        while True:
            got = self._claim(name)
            if isinstance(got, Attempt):
                return self._run(got, name, ahead)
            if ahead is not None:  # it may be long until it is needed, if ever
                ahead.dismiss()
                ahead = None
            if not got.under_way:
                if behind := settle(self._store, self._tracker, self._here, got):
                    self._watcher.note(behind)
                return Brought(how, got, name)
            how = "attached"
            name = got.spec.name if got.spec else name
            self._watcher.note(got.told())
            ended = self._follow(got, name)
            if ended.state is not State.LOST:
                return Brought(how, ended, name)
            self._watcher.note(f"{ended.told()} Going on with it.")
            self._provide()

    def _follow(self, found: Standing, name: str) -> Standing:
        """To its end; submitted work is overseen, which may be what it needs to begin at all."""
        if found.spec is not None and found.spec.job:
            return self._overseer().see_through(found.key)
        try:
            return follow(self._store, self._planned.key, self._here, self._watcher)
        except KeyboardInterrupt:
            self._watcher.note(f"{name} goes on without you; start the same again to follow it.")
            raise

    def _overseer(self) -> Overseer:
        opened = partial(open_launcher, loaded=self._loaded, store=self._store)
        return Overseer(self._loaded, self._store, self._here, opened, self._watcher, tracker=self._tracker)

    def _is_done(self, now: Standing) -> bool:
        return now.result is not None and not self._request.again

    def _tracker(self) -> Tracker:
        return open_tracker(self._loaded.settings.mlflow, self._loaded.root)

    def _provide(self) -> None:
        provide(self._planned, self._loaded, self._store, self._watcher.note)

    def _claim(self, name: str) -> Attempt | Standing:
        place = Place(
            host=self._here.host,
            boot=self._here.boot,
            pid=os.getpid(),
            workplace=str(self._loaded.root / STATE / "work" / self._planned.key[:KEY_SHOWN]),
        )
        claimant = claimant_of(self._planned, self._request, name, place)
        return claim(self._store, self._planned.parts, claimant, self._here, again=self._request.again)

    def _run(self, attempt: Attempt, name: str, ahead: Ahead | None) -> Brought:
        self._watcher.note(f"{name}: attempt {attempt.number}, {attempt.spec.why}.")
        surroundings = Surroundings(self._store, self._loaded.settings, self._tracker)
        job = self._planned.job(fresh=self._request.again, patch=self._request.patch)
        ran = run_attempt(job, attempt, surroundings, self._watcher, ahead)
        after = standing(self._store, self._planned.key, self._here)
        return Brought("ran", after, name, ran)
