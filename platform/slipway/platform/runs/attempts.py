"""Attempts: who executes a piece of work now, one owner at a time, and nobody waits for the dead.

`claim` binds the next number with `put_if_absent`; among any number of callers on any number of machines one gets
it, the others learn whose it is. The owner gives signs of life with `beat` and ends with `finish`. Being owner ends
early in two ways: a later attempt exists (`AttemptTaken`), because others took this one for lost; or no sign could be
written for the deadline (`Silent`), because then others may take it for lost at any moment. Either way the owner stops.
It does no harm if it stops late: only the first result counts.

The claimant's lock is taken before its number is bound, so whoever sees the number can see that its owner lives.

An attempt that a launcher is to run is made by `assign`: it belongs to whichever process begins it, and `begin` lets
exactly one do so, by binding `begun.json`.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from slipway.platform.runs import index, presence
from slipway.platform.runs.errors import AttemptTaken, BegunElsewhere, Silent
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.presence import Presence
from slipway.platform.runs.records import AttemptSpec, Begun, Cancellation, Heartbeat, Outcome, Place, State
from slipway.platform.runs.standing import DEADLINE, Here, Standing, spec_of, standing
from slipway.platform.store import Store, StoreError

logger = logging.getLogger(__name__)

FIRST, AGAIN = "first", "again"
LISTED_LATE_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """Who wants to execute the work, and what is said about it."""

    submitted_by: str
    name: str
    place: Place
    created: datetime
    note: str = ""
    tags: Mapping[str, str] | None = None
    team: str = ""
    kind: str = "train"
    revision: str = ""
    job: str = ""
    """Digest of what a launcher's process is told."""


class Attempt:
    """An attempt that this process owns. Its methods may be called from several threads."""

    def __init__(  # noqa: PLR0913 - as `claim`
        self,
        store: Store,
        key: str,
        spec: AttemptSpec,
        lock: Presence,
        *,
        deadline: timedelta,
        clock: Callable[[], float],
        before: Standing,
        place: Place,
        node: int = 0,
    ) -> None:
        self.key = key
        self.spec = spec
        self.place = place
        """Where this process runs it."""
        self.before = before
        """How the work stood when this attempt was claimed."""
        self.node = node
        """Which of its nodes this process is; the first one owns the attempt's result and outcome."""
        self.of_all = WorkKeys(key).attempt(spec.number)
        """The keys of the attempt."""
        self.keys = self.of_all.node(node)
        """The keys of this node's part."""
        self._store = store
        self._lock = lock
        self.deadline = deadline.total_seconds()
        """Seconds of silence from which it counts as lost."""
        self._clock = clock
        self._sequence = 0
        self._heard = clock()
        self._finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def number(self) -> int:
        """Its number, from 1."""
        return self.spec.number

    @property
    def descriptor(self) -> int:
        """The lock: pass it to children (`pass_fds`), so that one that outlives its parent still counts as alive."""
        return self._lock.descriptor

    def sign_of(self, node: int) -> presence.Sign:
        """What the lock of another of its nodes says, where that is on this machine."""
        return presence.sign_of(self._lock.state, self.spec.nonce_of(node))

    def beat(
        self,
        *,
        step: int = 0,
        steps: int = 0,
        phase: str = "running",
        progress: Mapping[str, Any] | None = None,
        still: float = 0.0,
    ) -> bool:
        """Give a sign of life; False when the store did not take it, which is no matter until the deadline."""
        began = self._clock()
        self._sequence += 1
        heartbeat = Heartbeat(
            nonce=self.spec.nonce,
            sequence=self._sequence,
            step=step,
            steps=steps,
            phase=phase,
            progress=dict(progress or {}),
            still=still,
        )
        try:
            self._check_taken()
            self._store.put(self.keys.heartbeat, heartbeat.to_bytes())
        except StoreError as error:
            logger.warning("no sign of life could be written: %s", error)
            self.check()
            return False
        self._heard = began
        return True

    def check(self) -> None:
        """Raise `Silent` when the last sign of life is older than the deadline; asks nobody."""
        silent = self._clock() - self._heard
        if silent >= self.deadline:
            raise Silent(
                f"Attempt {self.number} of {self.spec.name} could write no sign of life to {self._store.url} for "
                f"{silent:.0f} s; others count it as lost after {self.deadline:.0f} s.",
                mend="See that the store answers (`slipway doctor`), then start the same work again: it goes on from "
                "the last checkpoint.",
            )

    def cancellation(self) -> Cancellation | None:
        """Who wants this attempt to end, if anybody."""
        return Cancellation.load(self._store, self.of_all.cancellation)

    def finish(self, outcome: Outcome) -> Outcome:
        """Say how it ended; the first that is said stays, and is returned."""
        held = outcome.bind(self._store, self.keys.outcome)
        self._finished = True
        if not self.node:
            index.note(self._store, self.key)
        return held

    def close(self) -> None:
        """Give the lock back; children that inherited it keep it. Without an outcome others see that nobody is left."""
        self._lock.close(settled=self._finished)

    def _check_taken(self) -> None:
        later = spec_of(self._store, self.key, self.number + 1)
        if later is not None:
            raise AttemptTaken(
                f"Attempt {self.number} of {self.spec.name} was taken for lost: {later.submitted_by} on "
                f"{later.place.where} has made attempt {later.number} ({later.why}).",
                mend="Nothing is to be done: the work goes on there.",
            )


def claim(  # noqa: PLR0913 - what, for whom, and the clocks
    store: Store,
    parts: Parts,
    claimant: Claimant,
    here: Here,
    *,
    again: bool = False,
    deadline: timedelta = DEADLINE,
    clock: Callable[[], float] = time.monotonic,
    unique: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> Attempt | Standing:
    """Own the next attempt, or learn how the work stands: it is running, or done and not asked for again."""
    key = parts.key
    store.put_if_absent(WorkKeys(key).parts, parts.to_bytes())
    lost = 0
    while True:
        before = standing(store, key, here, deadline)
        if before.under_way or (before.result is not None and not again):
            return before
        spec = _spec(claimant, before, unique(), again=again)
        lock = Presence(here.state, spec.nonce)
        attempt = Attempt(store, key, spec, lock, deadline=deadline, clock=clock, before=before, place=claimant.place)
        data = spec.to_bytes()
        try:
            index.mark(store, key, spec.number)
            held = store.put_if_absent(attempt.keys.spec, data)
        except BaseException:
            lock.close(settled=False)  # perhaps it was bound and the answer was lost
            raise
        if held == data:
            _tidy(here, before)
            return attempt
        lock.close()
        if spec.number == lost:  # a network file system may list a number some seconds after it was bound
            time.sleep(LISTED_LATE_SECONDS)
        lost = spec.number


def assign(  # noqa: PLR0913 - as `claim`
    store: Store,
    parts: Parts,
    claimant: Claimant,
    here: Here,
    *,
    again: bool = False,
    after: int | None = None,
    why: str = "",
    deadline: timedelta = DEADLINE,
    unique: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> Standing:
    """See that the next attempt exists, for a launcher to run; how the work stands then.

    Whoever is called with the same work finds the same attempt under way, until it has ended. With `after`, only the
    attempt behind that one is made: where others made it meanwhile, it stays at theirs, also when that has ended.
    """
    key = parts.key
    store.put_if_absent(WorkKeys(key).parts, parts.to_bytes())
    while True:
        before = standing(store, key, here, deadline)
        if before.under_way or (before.result is not None and not again) or after not in (None, before.number):
            return before
        spec = _spec(claimant, before, unique(), again=again, why=why)
        index.mark(store, key, spec.number)
        held = spec.bind(store, WorkKeys(key).attempt(spec.number).spec)
        if held == spec:
            return standing(store, key, here, deadline)
        time.sleep(LISTED_LATE_SECONDS)  # as in `claim`


def begin(  # noqa: PLR0913 - as `claim`
    store: Store,
    key: str,
    number: int,
    place: Place,
    lock: Presence,
    *,
    node: int = 0,
    deadline: timedelta = DEADLINE,
    clock: Callable[[], float] = time.monotonic,
    unique: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> Attempt:
    """Own an attempt that was made by `assign`, or one node's part of it.

    Raises `BegunElsewhere` when another process does, or did.
    """
    keys = WorkKeys(key).attempt(number).node(node)
    spec = spec_of(store, key, number)
    if spec is None:
        raise BegunElsewhere(f"{key[:11]} has no attempt {number} in {store.url}.")
    mine = Begun(nonce=unique(), place=place)
    held = mine.bind(store, keys.begun)
    if held != mine:
        raise BegunElsewhere(
            f"{f'Node {node} of attempt' if node else 'Attempt'} {number} of {spec.name} was begun on "
            f"{held.place.where} by process {held.place.pid}."
        )
    before = standing(store, key)
    if before.outcome is not None or before.number > number:
        raise BegunElsewhere(f"There is nothing to do for attempt {number}: {before.told()}")
    return Attempt(store, key, spec, lock, deadline=deadline, clock=clock, before=before, place=place, node=node)


def _spec(claimant: Claimant, before: Standing, nonce: str, *, again: bool, why: str = "") -> AttemptSpec:
    return AttemptSpec(
        nonce=nonce,
        number=before.number + 1,
        submitted_by=claimant.submitted_by,
        created=claimant.created,
        place=claimant.place,
        why=why or why_next(before, again=again),
        name=claimant.name,
        note=claimant.note,
        tags=dict(claimant.tags or {}),
        team=claimant.team,
        kind=claimant.kind,
        revision=claimant.revision,
        job=claimant.job,
    )


def why_next(before: Standing, *, again: bool) -> str:
    """Why another attempt would be made, unless whoever makes it says more."""
    if before.result is not None or (again and before.spec is not None and before.state is not State.LOST):
        return AGAIN
    if before.spec is None or before.state is None:
        return FIRST
    return f"after attempt {before.number}, {before.state}: {before.reason.rstrip('.')}"


def _tidy(here: Here, before: Standing) -> None:
    """The lock file of an owner that is gone is of no use to anybody."""
    spec = before.spec
    if spec and before.place.host == here.host and presence.sign_of(here.state, spec.nonce) is presence.Sign.GONE:
        presence.forget(here.state, spec.nonce)
