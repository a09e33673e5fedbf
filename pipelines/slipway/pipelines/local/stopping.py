"""Stopping the stack from outside: ask its supervisor, be patient, and end whatever does not end."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from slipway.pipelines.local import layer, processes, standing
from slipway.pipelines.local.following import Following
from slipway.pipelines.local.parts import Tell
from slipway.pipelines.local.place import STACK, Place
from slipway.pipelines.local.standing import Lock, Standing
from slipway.platform.errors import SlipwayError

ASKED_SECONDS: Final = 120.0
"""Longer than any component has."""
KILLED_SECONDS: Final = 30.0
LEFTOVER_SECONDS: Final = 5.0


def stop(place: Place, tell: Tell) -> bool:
    """Stop it; whether there was one. Afterwards no process of it is left."""
    if not place.folder.exists():
        return False
    was = standing.runs(place)
    if was:
        follow = Following(place, tell).knowing()
        follow.until(lambda one: one is not None and not one.ended)
        _end(place, follow)
    with _alone(place) as alone:
        if alone:
            end_leftovers(place, tell)
    return was


def stop_by_hand(place: Place, tell: Tell) -> None:
    """Somebody has pressed Ctrl-C; pressed again, all of it is killed."""
    try:
        stop(place, tell)
    except KeyboardInterrupt:
        tell("Ending it at once.")
        if now := standing.read(place):
            signal_supervisor(place, now, signal.SIGTERM)
        stop(place, tell)


def end_leftovers(place: Place, tell: Tell) -> None:
    """What is left of a stack whose guardian and supervisor were both killed."""
    if ended := processes.end(processes.of_stack(place.name), LEFTOVER_SECONDS):
        tell(f"Ended {ended} processes that an earlier stack left behind.")
    layer.remove(place)


def _end(place: Place, follow: Following) -> None:
    now = standing.read(place)
    if now and not now.stopping:
        follow.tell("Stopping …")
        signal_supervisor(place, now, signal.SIGTERM)
    if _ended(place, follow, ASKED_SECONDS):
        return
    follow.tell("It takes too long: ending it by force.")
    if now:
        signal_supervisor(place, now, signal.SIGKILL)
    if not _ended(place, follow, KILLED_SECONDS):
        processes.end(processes.of_stack(place.name), 0.0)


def _ended(place: Place, follow: Following, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    follow.until(lambda _: time.monotonic() > deadline)
    return not standing.runs(place)


def signal_supervisor(place: Place, now: Standing, number: signal.Signals) -> None:
    """Only a process that bears this stack's mark."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(now.supervisor)
        if process.environ().get(STACK) == place.name:
            process.send_signal(number)


def size(place: Place) -> int:
    """Bytes of the stack's state."""
    total = 0
    for folder, _, names in os.walk(place.folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - many files
    return total


def purge(place: Place) -> None:
    """Remove all state of a stack that does not run."""
    with _alone(place) as alone:
        if not alone:
            raise SlipwayError("Somebody has started the stack again; nothing was removed.", mend="slipway local down")
        shutil.rmtree(place.folder, ignore_errors=True)


@contextmanager
def _alone(place: Place) -> Iterator[bool]:
    """Whether nobody runs a stack, and nobody starts one meanwhile."""
    lock = Lock.take(place)
    try:
        yield lock is not None
    finally:
        if lock:
            lock.close()
