"""Measuring pairs: ours against a reference, interleaved, so that both meet the same weather.

A pair's two sides are warmed up once, then take turns, changing who goes first, five rounds long. The median counts;
the spread from the least to the greatest is kept, because a median alone hides a busy machine. Times only, so lower is
better and the ratio of the medians says how many times longer ours takes.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ROUNDS = 5
UNITS = {"s": 1.0, "ms": 1e3, "µs": 1e6}

Work = Callable[[], object]
Clock = Callable[[], float]
Progress = Callable[[str], None]
Figures = Mapping[str, float | str | None]
"""What else is worth knowing, by name; None where nobody can tell."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two ways to do the same. Each call of a side is one sample of `times` equal pieces of work."""

    name: str
    ours: Work
    reference: Work
    unit: str
    goal: float
    """The ratio, ours to reference, that is wanted at most."""
    times: int = 1
    clock: Clock = time.perf_counter
    """What is counted: time on the wall, unless something else is what matters."""
    figures: Callable[[], Figures] = dict
    """Asked after the last round."""

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"pair {self.name!r}: unit {self.unit!r} is none of {', '.join(UNITS)}")


@dataclass(frozen=True)
class Samples:
    """What one side took, in the pair's unit for one piece of work."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest."""
        return min(self.values), max(self.values)


@dataclass(frozen=True)
class Outcome:
    """A measured pair."""

    name: str
    unit: str
    goal: float
    ours: Samples
    reference: Samples
    figures: Figures = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times longer ours takes."""
        return self.ours.median / self.reference.median

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio <= self.goal


def measure(pair: Pair, *, progress: Progress, clock: Clock | None = None, rounds: int = ROUNDS) -> Outcome:
    """Warm both sides up, then sample them in turns."""
    progress(f"{pair.name}: warming up")
    pair.ours()
    pair.reference()
    ours: list[float] = []
    reference: list[float] = []
    for number in range(rounds):
        turns = [(pair.ours, ours), (pair.reference, reference)]
        for work, samples in turns if number % 2 == 0 else reversed(turns):
            samples.append(_sample(work, clock or pair.clock) * UNITS[pair.unit] / pair.times)
        progress(f"{pair.name}: round {number + 1} of {rounds}, {ours[-1]:.3g} against {reference[-1]:.3g} {pair.unit}")
    sides = Samples(tuple(ours)), Samples(tuple(reference))
    return Outcome(pair.name, pair.unit, pair.goal, *sides, figures=pair.figures())


def _sample(work: Work, clock: Clock) -> float:
    started = clock()
    work()
    return clock() - started
