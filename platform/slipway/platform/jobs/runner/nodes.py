"""What the nodes of one attempt know of each other, and what one's end means for the rest.

The first node's runner owns the attempt's record. It watches the others: the failure of one is the attempt's, with its
traceback; one that ends otherwise ends all; one that is silent past the deadline, or whose lock on this machine is
free, has vanished, and then nobody here says how the attempt ended: the launcher knows more. The others watch the first
one, and end with it.

When one process dies, those that train with it fail for want of it. `is_echo` tells such a failure from the first one.
"""

import math
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.stopping import Halt, Stop
from slipway.platform.runs.attempts import Attempt
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.presence import Sign
from slipway.platform.runs.records import Begun, Cause, Heartbeat, Outcome, State
from slipway.platform.runs.workplace import RESUME, Failure
from slipway.platform.store import Store

PAUSE: Final = 1.0
SETTLE: Final = 10.0
"""Seconds in which the processes of all nodes end by themselves when one has, and in which each runner says how."""
TERMINATED: Final = frozenset({-15, 143})
_ECHO: Final = re.compile(
    r"connection (was )?(closed|reset|refused)|broken pipe|by peer|DistBackendError|DistStoreError|DistNetworkError"
    r"|RendezvousConnectionError|timed out (after|waiting)|socket timeout|gloo|nccl",
    re.IGNORECASE,
)


class NodeLost(RunsError):
    """Another node of this attempt has vanished without a word."""


@dataclass(frozen=True)
class Other:
    """Another node, as it was seen last."""

    node: int
    outcome: Outcome | None = None
    gone: str = ""
    """Why it is taken for gone, a sentence; empty while it lives."""
    silent: float = 0.0
    """Seconds since its last sign of life."""
    still: float = 0.0
    """Seconds without progress; the first node alone can tell."""


@dataclass(frozen=True)
class Own:
    """How this node's child ended."""

    code: int
    failure: Failure | None = None
    asked: bool = False

    @property
    def speaks(self) -> bool:
        """Whether that is known without the other nodes."""
        if self.code == 0:
            return True
        if self.asked:
            return False
        if self.failure is not None:
            return not is_echo(self.failure.error)
        return self.code != RESUME and self.code not in TERMINATED


def is_echo(error: str) -> bool:
    """Whether an error says no more than that another process has gone."""
    return bool(_ECHO.search(error))


def look(attempt: Attempt, store: Store, node: int, *, waited: float, patience: float) -> Other:
    """How another node is; one that has not begun after `patience` seconds is gone."""
    keys = attempt.of_all.node(node)
    name = f"Node {node}" if node else "The first node"
    outcome = Outcome.load(store, keys.outcome)
    if outcome is not None:
        return Other(node, outcome)
    begun = Begun.load(store, keys.begun)
    if begun is None:
        gone = f"{name} did not begin within {patience:.0f} s." if waited >= patience else ""
        return Other(node, gone=gone, silent=waited)
    beat = Heartbeat.load(store, keys.heartbeat) if not node else None
    gone = ""
    near = (begun.place.host, begun.place.boot) == (attempt.place.host, attempt.place.boot)
    sign = attempt.sign_of(node) if near else Sign.UNKNOWN
    silent = _silence(store, keys.heartbeat, keys.begun)
    if sign is Sign.GONE:
        gone = f"{name}: its process on {begun.place.host} is gone."
    elif sign is not Sign.HELD and silent >= attempt.deadline:
        gone = f"{name} on {begun.place.host} is silent for {silent:.0f} s; {attempt.deadline:.0f} are allowed."
    if gone and (outcome := Outcome.load(store, keys.outcome)) is not None:
        return Other(node, outcome)
    return Other(node, gone=gone, silent=silent, still=beat.still if beat else 0.0)


def verdict(others: Sequence[Other], since: Mapping[int, float], now: float) -> Halt | NodeLost | None:
    """What the others' ends mean for a child that still runs; `since` says when each end was first seen."""
    if (failed := first_failure(others)) is not None:
        return failed
    ended = [one for one in others if one.outcome is not None and _matters(one)]
    for one in others:
        if one.gone or (one.outcome is not None and one.outcome.state is State.LOST):
            return NodeLost(one.gone or f"Node {one.node}: {one.outcome.reason if one.outcome else ''}")
    for one in ended:
        if one.outcome is not None and now - since.get(one.node, now) >= SETTLE:
            return _halt(one.node, one.outcome)
    return None


def first_failure(others: Sequence[Other]) -> Halt | None:
    """The failure that the others' ends follow from."""
    for one in others:
        told = one.outcome
        if told is not None and _matters(one) and told.state is State.FAILED and not is_echo(told.reason):
            return _halt(one.node, told)
    return None


class Companions:
    """The other nodes that this one watches, from `start` to `end`."""

    def __init__(  # noqa: PLR0913 - what is watched, and what is told then
        self,
        attempt: Attempt,
        store: Store,
        stop: Stop,
        nodes: Sequence[int],
        *,
        patience: float,
        pause: float = PAUSE,
        stall: float = math.inf,
        stalled: Callable[[], None] = lambda: None,
    ) -> None:
        """`stalled` is called, and nothing after it, when one lives without progress for `stall` seconds."""
        self._attempt, self._store, self._stop, self._nodes = attempt, store, stop, nodes
        self._patience, self._pause = patience, pause
        self._stall, self._stalled = stall, stalled
        self._began = time.monotonic()
        self._since: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slipway-companions", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        if self._thread.ident is None:
            self._began = time.monotonic()
            self._thread.start()

    def end(self) -> None:
        """Watch no more."""
        self._over.set()

    def settle(self, own: Own) -> None:
        """This node has ended: learn what the others say of it where this one alone cannot know.

        A launcher that ends a job because of one node asks all others to stop, as it does where a place is taken away.
        """
        self.end()
        if own.speaks or self._stop.halted is not None or self._stop.lost is not None:
            return
        deadline = time.monotonic() + SETTLE
        while True:
            others = self._look()
            now = time.monotonic()
            since = dict.fromkeys(self._nodes, now - SETTLE)
            found = first_failure(others) if own.asked else verdict(others, since, now)
            if found is None and now >= deadline:
                found = _mute(others)
            if found is not None:
                self._tell(found)
            if found is not None or now >= deadline or all(one.outcome is not None for one in others):
                return
            time.sleep(self._pause)

    def outcomes(self, seconds: float) -> dict[int, Outcome]:
        """How those ended that are watched; waits so long until all have, unless this node has no time itself."""
        deadline = time.monotonic() + seconds
        while True:
            others = self._look()
            ended = bool(others) and all(one.outcome is not None or one.gone for one in others)
            if ended or time.monotonic() >= deadline or self._stop.requests:
                return {one.node: one.outcome for one in others if one.outcome is not None}
            time.sleep(self._pause)

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            others = self._look()
            now = time.monotonic()
            if any(one.still >= self._stall for one in others):
                self._stalled()
                return
            for one in others:
                if one.outcome is not None:
                    self._since.setdefault(one.node, now)
            found = verdict(others, self._since, now)
            if found is not None and not self._over.is_set():
                self._tell(found)
                return

    def _look(self) -> list[Other]:
        with suppress(SlipwayError):  # the store may be away; it is asked again
            waited = time.monotonic() - self._began
            return [
                look(self._attempt, self._store, node, waited=waited, patience=self._patience) for node in self._nodes
            ]
        return []

    def _tell(self, found: Halt | NodeLost) -> None:
        if isinstance(found, NodeLost):
            self._stop.lost = self._stop.lost or found
        else:
            self._stop.halt(found)


def _matters(other: Other) -> bool:
    """The end of the first node ends all; of another one, only an end that the first one has not brought about."""
    told = other.outcome
    return told is not None and (other.node == 0 or not (told.state is State.DONE or told.cause is Cause.STALLED))


def _halt(node: int, outcome: Outcome) -> Halt:
    return Halt(
        outcome.cause or Cause.STOPPED,
        f"Node {node}: {outcome.reason}" if node else f"The first node has ended: {outcome.reason}",
        outcome.state,
        at_once=True,
        mend=outcome.mend,
        traceback=outcome.traceback,
    )


def _mute(others: Sequence[Other]) -> NodeLost | None:
    """One that gave no sign while it should have said how it ended."""
    for one in others:
        if one.outcome is None and one.silent >= SETTLE:
            return NodeLost(f"Node {one.node} ended without a word; its last sign came {one.silent:.0f} s ago.")
    return None


def _silence(store: Store, *keys: str) -> float:
    """Seconds since the first of these that there is was written."""
    from slipway.platform.store import ObjectMissing

    for key in keys:
        with suppress(ObjectMissing):
            return store.age(key).total_seconds()
    return 0.0
