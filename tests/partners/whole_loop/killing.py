"""Killing processes of a stack by a plan that follows from a seed, and saying afterwards what was killed when.

The plan says for each phase of the loop whom it hits, so a slow machine is hit in the same places as a quick one. A
kind that does not live yet is waited for, as long as the phase lasts.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psutil

from whole_loop.loop import Loop
from whole_loop.victims import GUARDIAN, JOB, KINDS, SUPERVISOR, TASK, Seen, victims

PHASES: Final[Mapping[str, Sequence[str]]] = {
    "data": ("snapshot", "cause", "validate"),
    "train": ("train",),
    "export": ("export",),
    "gate": ("gate", "register"),
    "approval": ("ask", "approval", "approve", "promote"),
    "rollout": (),
}
"""Phases of the loop, and the tasks that are theirs."""
LAUNCHING: Final = frozenset({"train", "export", "gate"})
MOST: Final = 2
"""For one component."""
PAUSE_SECONDS: Final = (0.5, 4.0)


def planned(seed: int, most: int) -> Mapping[str, Sequence[str]]:
    """Whom it hits, up to so many in each phase. The whole stack goes down once at most: what that does takes long."""
    rng = random.Random(f"planned {seed}")
    drawn: Counter[str] = Counter()
    plan: dict[str, list[str]] = {}
    for phase in PHASES:
        plan[phase] = []
        for _ in range(rng.randint(1, most)):
            kinds = [kind for kind in KINDS if _may(kind, phase, drawn)]
            (kind,) = rng.choices(kinds, [KINDS[kind] for kind in kinds])
            drawn[kind] += 1
            plan[phase].append(kind)
    return plan


def _may(kind: str, phase: str, drawn: Mapping[str, int]) -> bool:
    if kind == JOB:
        return phase in LAUNCHING
    if kind in (SUPERVISOR, GUARDIAN):
        return not drawn[SUPERVISOR] and not drawn[GUARDIAN]
    return kind == TASK or drawn[kind] < MOST


@dataclass(frozen=True)
class Kill:
    """One process that was killed."""

    seconds: float
    phase: str
    kind: str
    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.seconds:6.1f} s  {self.phase:<9} {self.kind:<18} {self.pid:<8} {self.command}"


@dataclass
class Killer:
    """Goes by the plan. `revive` is what a person does whose stack is gone."""

    loop: Loop
    seed: int
    most: int
    revive: Callable[[], None]
    seen: Seen
    kills: list[Kill] = field(default_factory=list)
    _phase: str = ""
    _next: float | None = None

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed + 1)
        self._plan = {phase: list(kinds) for phase, kinds in planned(self.seed, self.most).items()}
        self._begun = time.monotonic()

    def look(self, phase: str) -> None:
        """Kill whoever's turn it is."""
        self.seen.look(self.loop)
        if phase != self._phase:
            self._phase, self._next = phase, None
        waiting = self._plan[phase]
        found = victims(self.loop) if waiting else {}
        kind = next((kind for kind in waiting if found.get(kind)), None)
        if kind is None:
            return
        now = time.monotonic()
        self._next = self._next or now + self._rng.uniform(*PAUSE_SECONDS)
        if now >= self._next:
            waiting.remove(kind)
            self._kill(kind, found[kind])
            self._next = None

    def _kill(self, kind: str, found: Sequence[psutil.Process]) -> None:
        victim = self._rng.choice(found)
        with suppress(psutil.NoSuchProcess):
            command = " ".join(victim.cmdline())[-60:]
            victim.kill()
            self.kills.append(Kill(time.monotonic() - self._begun, self._phase, kind, victim.pid, command))
        if kind in (SUPERVISOR, GUARDIAN):
            self.revive()

    def told(self) -> str:
        """What makes the same again, and what was killed."""
        again = f"make soak SEEDS={self.seed + 1} ARGS='tests/e2e/test_whole_loop.py -k seed{self.seed}'"
        lines = [f"seed {self.seed}, up to {self.most} in each phase; up to 2, once more: {again}"]
        return "\n".join([*lines, f"the plan: {planned(self.seed, self.most)}", *map(str, self.kills)])
