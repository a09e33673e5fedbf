"""How a component is kept running: what its start, its answers and its end mean. Pure: the clock is passed in.

What ended is started again. Where that happens soon and in a row, the pauses grow, and after some such ends it is given
up. Whoever was healthy for a while has shown that it can run, and begins anew.
"""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from slipway.pipelines.local.component import Component
from slipway.platform.telling import duration


class Phase(StrEnum):
    """Where a component is."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNWELL = "unwell"
    PAUSING = "pausing"
    GIVEN_UP = "given up"
    DONE = "done"
    STOPPING = "stopping"
    STOPPED = "stopped"


RUNNING: Final = frozenset({Phase.STARTING, Phase.HEALTHY, Phase.UNWELL, Phase.STOPPING})
"""It has a process."""
READY: Final = frozenset({Phase.HEALTHY, Phase.DONE})
"""What waits for it may start."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how soon what ended is started again."""

    pauses: Sequence[float] = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
    deaths: int = 5
    """Given up after so many in a row."""
    first_deaths: int = 3
    """The same for one that was never healthy: most likely it cannot be, and somebody waits."""
    steady_seconds: float = 10.0
    """Healthy for so long: the row of deaths ends."""

    def pause(self, deaths: int) -> float:
        """Before the next start."""
        return self.pauses[min(deaths, len(self.pauses)) - 1]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One component, as the supervisor has it."""

    phase: Phase = Phase.WAITING
    since: float = 0.0
    """When this phase began."""
    well: float | None = None
    """Since when this process was healthy, if it ever was."""
    proven: bool = False
    """Whether it was ever healthy."""
    deaths: int = 0
    """Quick ones in a row."""
    restarts: int = 0
    again: float = 0.0
    """When it is started again."""
    why: str = ""
    """What is missing, or how it ended."""
    overdue: str = ""
    """Why the supervisor ends its process, where it does."""


def begun(kept: Kept, now: float) -> Kept:
    """Its process was started."""
    restarts = kept.restarts + (kept.phase is Phase.PAUSING)
    return replace(kept, phase=Phase.STARTING, since=now, well=None, restarts=restarts, why="", overdue="")


def heard(kept: Kept, missing: str, now: float) -> Kept:
    """Its check answered: nothing, or what is missing."""
    if kept.phase is Phase.STARTING and missing:
        return replace(kept, why=missing)
    if kept.phase is Phase.HEALTHY and missing:
        return replace(kept, phase=Phase.UNWELL, since=now, why=missing)
    if kept.phase in {Phase.STARTING, Phase.UNWELL} and not missing:
        return replace(kept, phase=Phase.HEALTHY, since=now, well=kept.well or now, proven=True, why="")
    return kept


def overdue(kept: Kept, component: Component, now: float) -> str:
    """Why its process must be ended and tried again; empty while there is patience."""
    lasted = now - kept.since
    if kept.phase is Phase.STARTING and lasted > component.start_seconds:
        return f"not healthy after {duration(component.start_seconds)}{_because(kept.why)}"
    if kept.phase is Phase.UNWELL and lasted > component.hung_seconds:
        return f"not healthy for {duration(component.hung_seconds)}{_because(kept.why)}"
    return ""


def hastened(kept: Kept, why: str) -> Kept:
    """Its process is being ended, to be started again."""
    return replace(kept, overdue=why)


def ended(kept: Kept, component: Component, code: int, now: float, patience: Patience) -> Kept:
    """Its process ended."""
    if kept.phase is Phase.STOPPING:
        return replace(kept, phase=Phase.STOPPED, since=now, why="")
    if component.once and code == 0:
        return replace(kept, phase=Phase.DONE, since=now, why="")
    steady = kept.well is not None and now - kept.well >= patience.steady_seconds
    deaths = 1 if steady else kept.deaths + 1
    why = kept.overdue or how_it_ended(code)
    if deaths >= (patience.deaths if kept.proven else patience.first_deaths):
        return replace(kept, phase=Phase.GIVEN_UP, since=now, deaths=deaths, why=f"{why}, {deaths} times in a row")
    again = now + patience.pause(deaths)
    return replace(kept, phase=Phase.PAUSING, since=now, deaths=deaths, again=again, why=why)


def asked_to_stop(kept: Kept, now: float) -> Kept:
    """Nothing starts it any more; a process that it has is asked to end."""
    running = kept.phase in RUNNING
    if kept.phase in {Phase.STOPPING, Phase.STOPPED, Phase.GIVEN_UP, Phase.DONE}:
        return kept
    return replace(kept, phase=Phase.STOPPING if running else Phase.STOPPED, since=now, why="")


def tried_again(kept: Kept, now: float) -> Kept:
    """Somebody asks for one that was given up."""
    if kept.phase is not Phase.GIVEN_UP:
        return kept
    return replace(kept, phase=Phase.PAUSING, since=now, deaths=0, again=now, why=kept.why)


def how_it_ended(code: int) -> str:
    """A process's end in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"ended with code {code}" if code else "ended by itself"


def _because(why: str) -> str:
    return f": {why}" if why else ""
