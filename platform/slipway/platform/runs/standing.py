"""How far a piece of work is, from what lies in the store: nothing yet, running, ended, lost, done.

The last attempt decides. One that has an outcome has ended so. One without lives as long as it gives signs: on its own
machine its lock tells at once, elsewhere the age of its heartbeat by the store's clock, against a deadline. An attempt
with a later one behind it and without an outcome was lost. One that was claimed for a launcher is pending until its
runner has begun; whether there will ever be one, only the launcher knows.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from slipway.platform.runs.layout import AttemptKeys, WorkKeys
from slipway.platform.runs.presence import Sign, boot_id, sign_of
from slipway.platform.runs.records import AttemptSpec, Begun, Heartbeat, Outcome, Place, Result, State
from slipway.platform.runs.results import load_result
from slipway.platform.store import Store

DEADLINE: Final = timedelta(minutes=3)
"""Silence of an attempt from which it counts as lost."""


@dataclass(frozen=True)
class Here:
    """The machine that looks, and where the locks of its attempts are."""

    host: str
    boot: str
    state: Path

    @classmethod
    def at(cls, root: Path) -> "Here":
        """This machine, for work that is started in the project at `root`."""
        return cls(socket.gethostname(), boot_id(), root / ".slipway" / "alive")


@dataclass(frozen=True)
class Standing:
    """How far a piece of work is."""

    key: str
    state: State | None = None
    """None: nobody has begun it."""
    spec: AttemptSpec | None = None
    """The last attempt."""
    begun: Begun | None = None
    """The launcher's process that runs it."""
    heartbeat: Heartbeat | None = None
    outcome: Outcome | None = None
    result: Result | None = None
    silent: timedelta = timedelta(0)
    """How long ago the last attempt gave a sign, where it has no outcome."""
    reason: str = ""
    """Why it is in that state, a clause for a person."""

    @property
    def number(self) -> int:
        """The number of the last attempt, 0 if there is none."""
        return self.spec.number if self.spec else 0

    @property
    def under_way(self) -> bool:
        """Whether somebody is at it, or will be."""
        return self.state in (State.PENDING, State.RUNNING)

    @property
    def place(self) -> Place:
        """Where the last attempt runs."""
        if self.begun is not None:
            return self.begun.place
        return self.spec.place if self.spec else Place()

    def told(self) -> str:
        """A sentence: whose, where, since when, how far."""
        if self.spec is None or self.state is None:
            return "Nobody has begun it."
        attempt = f"Attempt {self.number} of {self.spec.name}"
        who = f"by {self.spec.submitted_by} on {self.place.where}"
        since = f"since {self.spec.created:%Y-%m-%d %H:%M}"
        if self.state is State.PENDING:
            return f"{attempt} is pending {who}, {since}."
        if self.state is State.RUNNING:
            return f"{attempt} is running {who}, {since}{_progress(self.heartbeat)}."
        return f"{attempt} {who} {since} is {self.state}: {self.reason.rstrip('.')}."


def standing(store: Store, key: str, here: Here | None = None, deadline: timedelta = DEADLINE) -> Standing:
    """How far the work is; `here` lets the locks of this machine speak.

    The result is read last: an owner binds it before it ends in any way, so whoever finds the owner gone sees it.
    """
    spec = last_spec(store, key)
    if spec is None:
        result = load_result(store, key)
        return Standing(key, State.DONE if result else None, result=result)
    keys = WorkKeys(key).attempt(spec.number)
    outcome = Outcome.load(store, keys.outcome)
    begun = Begun.load(store, keys.begun) if spec.job else None
    heartbeat = None if outcome else Heartbeat.load(store, keys.heartbeat)
    silent = timedelta(0) if outcome else store.age(_sign_of_life(keys, begun, heartbeat))
    if outcome is not None:
        state, reason = outcome.state, outcome.reason
    elif spec.job and begun is None:
        state, reason = State.PENDING, "its process has not begun"
    else:
        state, reason = _life(spec.nonce, begun.place if begun else spec.place, silent, here, deadline)
    result = load_result(store, key)
    if result is not None and result.attempt == spec.number and outcome is None:
        state, reason, silent = State.DONE, "its result is there", timedelta(0)
    elif result is not None and state not in (State.PENDING, State.RUNNING, State.DONE):
        state, reason = State.DONE, f"attempt {result.attempt} brought the result; this one was {state}: {reason}"
    return Standing(key, state, spec, begun, heartbeat, outcome, result, silent, reason)


def numbers(store: Store, key: str) -> list[int]:
    """The numbers of the attempts that were claimed, the first one first."""
    prefix = WorkKeys(key).attempts
    return sorted(int(name) for name in _folders(store, prefix) if name.isdecimal())


def last_spec(store: Store, key: str) -> AttemptSpec | None:
    """Who made the last attempt."""
    return next((spec for number in reversed(numbers(store, key)) if (spec := spec_of(store, key, number))), None)


def spec_of(store: Store, key: str, number: int) -> AttemptSpec | None:
    """Who made an attempt; None for one that was never claimed."""
    return AttemptSpec.load(store, WorkKeys(key).attempt(number).spec)


def _sign_of_life(keys: AttemptKeys, begun: Begun | None, heartbeat: Heartbeat | None) -> str:
    """The record whose age says how long an attempt has been silent."""
    return keys.heartbeat if heartbeat else keys.begun if begun else keys.spec


def _life(nonce: str, place: Place, silent: timedelta, here: Here | None, deadline: timedelta) -> tuple[State, str]:
    if here is not None and here.host == place.host:
        sign = sign_of(here.state, nonce)
        if sign is Sign.HELD and here.boot == place.boot:
            return State.RUNNING, "its process lives"
        if sign is Sign.GONE:
            rebooted = here.boot != place.boot
            return State.LOST, f"{place.host} was started anew" if rebooted else "its process is gone"
    if silent > deadline:
        return State.LOST, f"silent for {silent.total_seconds():.0f} s, {deadline.total_seconds():.0f} are allowed"
    return State.RUNNING, f"gave a sign {silent.total_seconds():.0f} s ago"


def _progress(heartbeat: Heartbeat | None) -> str:
    if heartbeat is None:
        return ""
    steps = f", step {heartbeat.step:,} of {heartbeat.steps:,}" if heartbeat.steps else ""
    return f" ({heartbeat.phase}{steps})"


def _folders(store: Store, prefix: str) -> Iterator[str]:
    last = ""
    for key in store.list(prefix):
        name = key.removeprefix(prefix).partition("/")[0]
        if name != last:
            last = name
            yield name
