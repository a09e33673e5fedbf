"""Looking at what a model sees and answers, batch by batch, on the live model's own thread.

Probation asks how far the active release is from its reference since it became active; telemetry takes what was seen
since it took the last time. Both are of the same looks, of which there are so many rows a second as a small device can
afford: a sketch of some rows tells as much.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from slipway.serving.edge.telemetry.distributions import Distributions, Expected, novelty
from slipway.serving.edge.telemetry.moments import LONGEST, Moments
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.session import Arrays

ROWS_A_SECOND: Final = 20.0
PART_S: Final = 1800.0
"""Of two such parts, the one before and the one that is not over yet, is what was seen lately."""
LEAST: Final = 500
"""Rows that a part has at least."""
VECTOR_DIMS: Final = 2
"""Of a batch of vectors."""


@dataclass
class Seen:
    """What one release was looked at."""

    loaded: LoadedModel
    distributions: Distributions
    vectors: dict[str, Moments] = field(default_factory=dict)


class Lately:
    """What was counted in this part of time and in the one before."""

    def __init__(self, expected: Mapping[str, Expected], moment: float) -> None:
        self._expected = expected
        self._before, self._now = Distributions(expected), Distributions(expected)
        self._begun, self._rows = moment, 0

    def add(self, counts: Mapping[str, npt.NDArray[np.int64]], moment: float, rows: int) -> None:
        """Rows that were seen now."""
        if moment - self._begun >= PART_S and self._rows >= LEAST:
            self._before, self._now = self._now, Distributions(self._expected)
            self._begun, self._rows = moment, 0
        self._now.add(counts)
        self._rows += rows

    def divergence(self) -> dict[str, float]:
        """How far it is from the reference."""
        both = Distributions(self._expected)
        both.add(self._before.counts)
        both.add(self._now.counts)
        return both.divergence()


class Beside(Protocol):
    """What runs beside what answers, such as `edge.shadowing.Shadowing`."""

    target: LoadedModel

    def show(self, loaded: LoadedModel, inputs: Arrays, outputs: Arrays) -> None:
        """A batch was answered."""

    def take(self) -> tuple[Mapping[str, int], Figures]:
        """What was counted since the last time."""


class Looking:
    """Of one model; fits `LiveModel`'s `watch`."""

    def __init__(self, pace: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._lock = threading.Lock()
        self._bundle = ""
        self._expected: Mapping[str, Expected] = {}
        self._since_active = Distributions({})
        self._lately = Lately({}, 0.0)
        self._seen: dict[tuple[int | None, str], Seen] = {}
        self._next = 0.0
        self._beside: Beside | None = None
        self._was_beside: list[tuple[LoadedModel, Mapping[str, int], Figures]] = []

    def begin_beside(self, beside: Beside) -> None:
        """From now on this one sees what is answered, too."""
        self._beside = beside

    def end_beside(self) -> None:
        """From now on nothing does; what it has counted is told with the next window."""
        beside, self._beside = self._beside, None
        if beside is not None:
            with self._lock:
                self._was_beside.append((beside.target, *beside.take()))

    def take_beside(self) -> list[tuple[LoadedModel, Mapping[str, int], Figures]]:
        """What ran beside what answers, and what was counted of it since the last time."""
        with self._lock:
            found, self._was_beside = self._was_beside, []
        if (beside := self._beside) is not None:
            found.append((beside.target, *beside.take()))
        return found

    def begin(self, bundle: str, expected: Mapping[str, Expected]) -> None:
        """From now on this bundle is active."""
        with self._lock:
            self._bundle, self._expected = bundle, expected
            self._since_active, self._lately = Distributions(expected), Lately(expected, self._pace())

    def divergence(self) -> dict[str, float]:
        """How far what the active bundle saw and answered is from its reference."""
        with self._lock:
            return self._since_active.divergence()

    def lately(self) -> dict[str, float]:
        """The same of what it saw and answered last."""
        with self._lock:
            return self._lately.divergence()

    def strangeness(self, inputs: Arrays, outputs: Arrays) -> float:
        """How far the strangest row lies outside of the active bundle's reference."""
        found = novelty(self._expected, inputs, outputs)
        return float(found.max()) if len(found) else 0.0

    def take(self) -> list[Seen]:
        """What was seen since the last time, by release."""
        with self._lock:
            seen, self._seen = self._seen, {}
        return list(seen.values())

    def __call__(self, loaded: LoadedModel, inputs: Arrays, outputs: Arrays) -> None:
        """A batch was answered."""
        if (beside := self._beside) is not None:
            beside.show(loaded, inputs, outputs)
        moment = self._pace()
        with self._lock:
            if moment < self._next or loaded.bundle != self._bundle:
                return
            rows = max((len(one) for one in outputs.values()), default=1)
            self._next = moment + rows / ROWS_A_SECOND
            counts = self._since_active.observe(inputs, outputs)
            self._lately.add(counts, moment, rows)
            key = (loaded.release, loaded.bundle)
            seen = self._seen.setdefault(key, Seen(loaded, Distributions(self._expected)))
            seen.distributions.add(counts)
            for name, moments in _vectors(outputs).items():
                seen.vectors[name] = seen.vectors[name] + moments if name in seen.vectors else moments


def _vectors(outputs: Arrays) -> dict[str, Moments]:
    return {
        name: Moments.of(answer.astype(np.float64))
        for name, answer in outputs.items()
        if answer.ndim == VECTOR_DIMS and answer.shape[1] <= LONGEST and np.isfinite(answer).all()
    }
