"""Where a running attempt is stopped: memory, deadline, budget, no progress, and the grace between asking and ending.

`overstepped` says it, from what was measured; `Guard` measures and tells `Stop`, in a thread of its own, so neither a
store that hangs nor a large file on its way holds it up. All times are the runner's own and monotonic; time in which
the runner itself stood still, as on a machine that was asleep, counts neither as progress nor as the lack of it.

Progress is whatever the child adds to its journal; of a script, which has none, whatever it prints.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from slipway.platform.errors import SlipwayError
from slipway.platform.jobs.runner.child import Child, Usage
from slipway.platform.jobs.runner.measuring import Tree, memory_kills
from slipway.platform.jobs.runner.stacks import stacks_of
from slipway.platform.jobs.runner.stopping import Halt, Stop
from slipway.platform.jobs.spec import JobSpec
from slipway.platform.runs.records import Cause, State
from slipway.platform.runs.workplace import Workplace

PAUSE: Final = 1.0
SHARE: Final = 0.05
"""Of the time, at most, goes into measuring memory."""
ASLEEP: Final = 5.0
"""Pauses after which a look was late because the runner itself did not run."""
GIB: Final = 2**30


@dataclass(frozen=True)
class Measured:
    """An attempt at one moment."""

    seconds: float
    """Since it began."""
    still: float = 0.0
    """Seconds without progress."""
    memory: int = 0
    """Bytes of all its processes on this node."""
    before: Decimal = Decimal(0)
    """What earlier attempts have cost."""


def overstepped(job: JobSpec, found: Measured) -> Halt | None:
    """The first limit that is reached, if any."""
    limits, price = job.limits, job.price
    if limits.memory_bytes is not None and found.memory > limits.memory_bytes:
        return Halt(
            Cause.OUT_OF_MEMORY,
            f"Out of memory: its processes used {found.memory / GIB:.2f} GiB together; "
            f"{limits.memory_bytes / GIB:.2f} GiB are allowed.",
            at_once=True,
            mend="Submit it to a target with more memory (`slipway targets`), or lower the batch size.",
        )
    if found.still >= limits.stall_seconds:
        return Halt(
            Cause.STALLED,
            f"Stalled: alive without progress for {found.still:.0f} s; {limits.stall_seconds:.0f} s are allowed.",
            at_once=True,
            mend="Its traceback says where each process stood.",
        )
    cost = found.before + price.of(found.seconds, job.nodes)
    if limits.budget is not None and cost >= limits.budget:
        return Halt(
            Cause.BUDGET,
            f"Its budget is used up: all attempts together have cost {cost:.2f} of {limits.budget:.2f} "
            f"{price.currency}.",
            State.RESUMABLE,
            mend="Submit the same work with a larger --budget.",
        )
    if limits.deadline_seconds is not None and found.seconds >= limits.deadline_seconds:
        return Halt(
            Cause.DEADLINE,
            f"Its deadline is over: it ran for {found.seconds:.0f} s; {limits.deadline_seconds:.0f} s are allowed.",
            State.RESUMABLE,
            mend="Start the same work again.",
        )
    return None


class Guard:
    """Watches from `start` to `end`."""

    def __init__(
        self,
        job: JobSpec,
        workplace: Workplace,
        stop: Stop,
        *,
        before: Callable[[], Decimal] = Decimal,
        stacks: Callable[[], str] = str,
        pause: float = PAUSE,
    ) -> None:
        """`before` says what earlier attempts have cost, `stacks` where the processes of other nodes stand."""
        self._job, self._workplace, self._stop = job, workplace, stop
        self._ask_before, self._before = before, Decimal(0)
        self._stacks = stacks
        self._pause = pause
        self._began = self._looked = time.monotonic()
        self._asked: float | None = None
        self._child: Child | None = None
        self._tree: Tree | None = None
        self._measure_next = 0.0
        self._mark: object = None
        self._kills = memory_kills()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slipway-guard", daemon=True)
        self.still = 0.0
        """Seconds without progress."""

    @property
    def seconds(self) -> float:
        """Since the attempt began."""
        return time.monotonic() - self._began

    @property
    def memory(self) -> int:
        """Bytes of the child's processes, when they were looked at last."""
        return self._tree.memory if self._tree else 0

    @property
    def memory_killed(self) -> bool:
        """Whether the kernel has ended a process here for want of memory, since the attempt began."""
        return memory_kills() > self._kills

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def watch(self, child: Child) -> None:
        """There is a child now."""
        self._tree, self.still = Tree(child.pid), 0.0
        self._child = child

    def end(self) -> None:
        """Watch no more."""
        self._over.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def usage(self, told: Usage) -> Usage:
        """What the child has used, with all that it started."""
        return self._tree.usage(told) if self._tree else told

    def check_before(self) -> None:
        """What must not even begin: its budget is used up already."""
        if self._job.limits.budget is not None:
            self._before = self._ask_before()
            self._judge()

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        passed, self._looked = now - self._looked, now
        if self._stop.phase == "concluding":
            return
        if self._child is not None:
            self._measure(now)
            self._follow(passed)
        self._judge()
        self._end_what_is_late(now)

    def _measure(self, now: float) -> None:
        if self._tree is not None and now >= self._measure_next:
            self._tree.look()
            self._measure_next = now + (time.monotonic() - now) / SHARE

    def _follow(self, passed: float) -> None:
        mark = _size(self._workplace.journal), _size(self._workplace.log) if self._job.is_script else None
        if mark != self._mark:
            self._mark, self.still = mark, 0.0
        elif passed < ASLEEP * max(1.0, self._pause):
            self.still += passed

    def _judge(self) -> None:
        if self._stop.halted is not None and self._stop.halted.at_once:
            return
        halt = overstepped(self._job, Measured(self.seconds, self.still, self.memory, self._before))
        if halt is None or (self._stop.asked and not halt.at_once):
            return
        if halt.cause is Cause.STALLED and self._child is not None:
            halt = with_stacks(halt, self._child, self._workplace.log)
            halt = replace(halt, traceback="\n\n".join(filter(None, (halt.traceback, self._stacks()))))
        self._stop.halt(halt)

    def _end_what_is_late(self, now: float) -> None:
        """Asked and still there after the grace; a person who asked in a terminal asks again when in a hurry."""
        stop = self._stop
        if not stop.asked:
            return
        self._asked = self._asked or now
        if (stop.submitted or stop.halted) and now - self._asked >= self._job.limits.grace_seconds:
            stop.late = True
        if stop.at_once and self._child is not None:
            self._child.kill()


def with_stacks(halt: Halt, child: Child, log: Path) -> Halt:
    """With where the child's processes stand, as far as they say it."""
    with suppress(OSError, SlipwayError):
        return replace(halt, traceback=stacks_of(child.pid, log))
    return halt


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return -1
