"""Following work that somebody else executes, until nobody does any more, with few questions to the store.

How far it is, its heartbeat says: one read for each look. How it stands is asked in full only when it may have changed:
the lock of an owner on this machine is gone, or the heartbeat has stood still for longer than its owner ever pauses.
"""

import math
import time
from collections.abc import Callable
from typing import Final

from slipway.platform.jobs.overseeing.settling import concluding
from slipway.platform.jobs.watching import SILENT, Watcher
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.presence import Sign, sign_of
from slipway.platform.runs.records import Heartbeat, State
from slipway.platform.runs.standing import Here, Standing, standing
from slipway.platform.store import ObjectMissing, Store, StoreUnreachable

LOOK_SECONDS: Final = 0.5
REMOTE_LOOK_SECONDS: Final = 2.0
"""Between two questions to a store that is asked over a network."""
STILL_SECONDS: Final = 5.0
"""A heartbeat is written every three seconds; one that is the same for so long asks for a closer look."""


def follow(
    store: Store,
    key: str,
    here: Here,
    watcher: Watcher = SILENT,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Standing:
    """Tell how far the work is until nobody is at it any more."""
    pause = REMOTE_LOOK_SECONDS if store.url.startswith("s3://") else LOOK_SECONDS
    while True:
        try:
            now = standing(store, key, here)
            if not now.under_way and not (now.state is State.DONE and concluding(store, here, now)):
                return now
            if now.under_way:
                Looking(store, here, now, watcher, clock).until_it_may_have_changed(lambda: sleep(pause))
        except StoreUnreachable:
            watcher.progress({}, "the store does not answer")
        sleep(pause)


class Looking:
    """One attempt, watched through its heartbeat."""

    def __init__(self, store: Store, here: Here, found: Standing, watcher: Watcher, clock: Callable[[], float]) -> None:
        self._store, self._here, self._found, self._watcher, self._clock = store, here, found, watcher, clock
        self._key = WorkKeys(found.key).attempt(found.number).heartbeat
        self._last = found.heartbeat
        self._since = clock()
        self._locked = self._sign() is Sign.HELD

    def until_it_may_have_changed(self, wait: Callable[[], None], until: float = math.inf) -> None:
        """Pass on how far it is as long as its owner certainly lives, until a moment of the clock at most."""
        while self._clock() < until:
            self._watcher.progress(self._last.progress if self._last else {}, "")
            wait()
            self._look()
            if self._locked and self._sign() is not Sign.HELD:
                return
            if not self._locked and self._clock() - self._since >= STILL_SECONDS:
                return

    def _look(self) -> None:
        try:
            beat = Heartbeat.read(self._store.get(self._key))
        except ObjectMissing:  # it has just begun
            return
        if self._last is None or beat.sequence != self._last.sequence:
            self._last, self._since = beat, self._clock()

    def _sign(self) -> Sign:
        """What the lock of an owner on this machine says; one elsewhere has none here."""
        spec = self._found.spec
        if spec is None or self._found.place.host != self._here.host:
            return Sign.UNKNOWN
        return sign_of(self._here.state, spec.nonce)
