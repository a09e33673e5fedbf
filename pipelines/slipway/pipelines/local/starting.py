"""Starting a stack: take its lock, end what an earlier one left, start guardian and supervisor, wait for health.

Whoever has the lock starts it; everybody else waits for what that one starts. The lock then is the guardian's and the
supervisor's. A stack that is not detached ends with the process that started it: the supervisor holds a pipe of it.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from slipway.pipelines.local import guardian, standing
from slipway.pipelines.local.following import Following
from slipway.pipelines.local.log import tail
from slipway.pipelines.local.parts import Tell
from slipway.pipelines.local.place import STACK, Place
from slipway.pipelines.local.standing import Lock, Standing
from slipway.pipelines.local.stopping import end_leftovers, signal_supervisor, stop_by_hand
from slipway.platform.errors import SlipwayError
from slipway.platform.settings.files import stack_file


class NotStarted(SlipwayError):
    """The stack does not run, or not as it was asked for."""


class Prepares(Protocol):
    """`opening.Opening`: what is done before anything runs; the supervisor's command comes of it."""

    def prepare(self, tell: Tell) -> Sequence[str]: ...


@dataclass(frozen=True)
class Started:
    """A stack that runs."""

    standing: Standing
    mine: bool
    """Whether it was started just now, and not by somebody else before."""
    hold: int | None = None
    """A pipe whose end ends the stack; none for one that stays."""


def start(place: Place, opening: Prepares, *, detached: bool, tell: Tell) -> Started:
    """Start it, or wait for the one that runs; returns when all is healthy."""
    place.make()
    while (lock := Lock.take(place)) is None:
        if (there := _attach(place, tell)) is not None:
            return there
        tell("That stack has ended meanwhile.")
    try:
        end_leftovers(place, tell)
        (place.folder / standing.FILE).unlink(missing_ok=True)
        hold = _launch(place, opening.prepare(tell), lock, detached=detached)
    finally:
        lock.close()
    try:
        now = Following(place, tell).until(lambda one: one is not None and one.healthy)
    except KeyboardInterrupt:
        stop_by_hand(place, tell)
        raise
    if now is None or not now.healthy:
        if hold is not None:
            os.close(hold)
        raise NotStarted(_failure(place, now))
    return Started(now, mine=True, hold=hold)


def _launch(place: Place, words: Sequence[str], lock: Lock, *, detached: bool) -> int | None:
    """Guardian and supervisor, in a session of their own."""
    read, hold = (None, None) if detached else os.pipe()
    told = ["--lock", str(lock.descriptor)]
    told += ["--detached"] if read is None else ["--hold", str(read)]
    place.log.touch(mode=0o600)
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [place.python, "-I", "-S", str(guardian.__file__), str(stack_file(place.root)), *words, *told],
            cwd=place.folder,
            env={**place.outside, STACK: place.name},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock.descriptor,) if read is None else (lock.descriptor, read),
            start_new_session=True,
        )
    threading.Thread(target=process.wait, name="slipway-guardian", daemon=True).start()
    if read is not None:
        os.close(read)
    return hold


def _attach(place: Place, tell: Tell) -> Started | None:
    """Somebody's stack runs, or is being started; None where it was being ended, and has ended."""
    now = standing.read(place)
    by = now.by if now and not now.ended else f"process {standing.holder(place)}"
    tell(f"The stack of this project runs already, started by {by}.")
    asked_at = time.time()
    if now and (tired := now.given_up()):
        tell(f"Trying {', '.join(one.name for one in tired)} again.")
        signal_supervisor(place, now, signal.SIGHUP)
    now = Following(place, tell).until(lambda one: one is not None and (one.healthy or bool(one.given_up(asked_at))))
    if now is None or not standing.runs(place):
        return None
    if not now.healthy:
        raise NotStarted(_failure(place, now))
    return Started(now, mine=False)


def _failure(place: Place, now: Standing | None) -> str:
    """Why it did not start, with the log's last words."""
    failed = next(iter(now.given_up()), None) if now else None
    lines = list(failed.last) if failed and failed.last else tail(place.log, "supervisor")
    said = "".join(f"\n  | {line}" for line in lines)
    why = f"{failed.name} does not run: {failed.why}." if failed else "The stack was stopped before it was healthy."
    return f"{why}{said}\nThe whole log: {place.log}"
