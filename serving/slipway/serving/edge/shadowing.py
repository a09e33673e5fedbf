"""A release beside the one that answers: it sees a share of the batches after that, in a thread of its own.

Nothing that answers waits for it. It takes one batch at a time, drops what comes while it is busy, works at the lowest
priority that the system has, and rests longer than it works. Its output is compared, counted and discarded; how long
it takes is counted apart from what answers. What it cannot answer counts as answered otherwise: a release that fails in
the field must not look as if it agreed with all that it is compared on.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from slipway.serving.edge.streams.rules import Rules
from slipway.serving.edge.telemetry.disagreeing import Comparing, size_of, slices_of
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import LoadedModel
from slipway.serving.runtime.session import Arrays
from slipway.serving.runtime.waiting import take_the_same

log = logging.getLogger(__name__)

WORKS: Final = 0.2
"""The share of time that it may work."""
MOST_ROWS: Final = 4
"""Of one batch: what it costs is bounded."""
MILLISECONDS: Final = 1000.0
LEAST_PRIORITY: Final = 19
PATIENCE_S: Final = 10.0
"""How long its end may take; a run that takes longer ends by itself."""


class Shadowing:
    """One release beside another; `show` is called by the thread of what answers, the rest by agent and telemetry."""

    def __init__(
        self,
        target: LoadedModel,
        frames: float,
        *,
        works: float = WORKS,
        draw: Callable[[], float] = random.random,
        pace: Callable[[], float] = time.monotonic,
        rules: Callable[[], Rules] = Rules,
    ) -> None:
        """Both are compared by the thresholds that `rules` has for them, which may change at any time."""
        self.target, self._frames, self._rules = target, frames, rules
        self._works, self._draw, self._pace = works, draw, pace
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._next: tuple[LoadedModel, Arrays, Arrays] | None = None
        self._busy = self._ended = False
        self._rest_until = 0.0
        self._counts: dict[str, int] = {}
        self._figures = Figures()
        self._comparing: tuple[LoadedModel, Rules, Comparing] | None = None
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def show(self, loaded: LoadedModel, inputs: Arrays, outputs: Arrays) -> None:
        """A batch was answered; what is taken of it is copied."""
        if self._draw() >= self._frames or loaded.bundle == self.target.bundle:
            return
        with self._lock:
            if self._ended:
                return
            if self._busy or self._pace() < self._rest_until:
                self._count("shadow.dropped")
                return
            self._busy = True
            self._next = loaded, _first(inputs), _first(outputs)
            self._wake.notify()

    def take(self) -> tuple[Mapping[str, int], Figures]:
        """What was counted since the last time."""
        with self._lock:
            taken = self._counts, self._figures
            self._counts, self._figures = {}, Figures()
        return taken

    def close(self) -> None:
        """End, after the batch that it is at."""
        with self._lock:
            self._ended = True
            self._wake.notify()
        self._thread.join(PATIENCE_S)

    def _work(self) -> None:
        _least_priority()
        try:
            while (batch := self._taken()) is not None:
                begun = self._pace()
                try:
                    self._compare(*batch)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is counted and harms nothing
                    log.debug("Release %s failed in the shadow: %s", self.target.release, error)
                    self._failed(batch[1])
                finally:
                    ended = self._pace()
                    with self._lock:
                        self._rest_until = ended + (ended - begun) * (1 / self._works - 1)
                        self._busy = False
        finally:
            with suppress(Exception):
                self.target.session.close()

    def _taken(self) -> tuple[LoadedModel, Arrays, Arrays] | None:
        with self._lock:
            while self._next is None and not self._ended:
                self._wake.wait()
            batch, self._next = self._next, None
            return None if self._ended else batch

    def _compare(self, loaded: LoadedModel, inputs: Arrays, answered: Arrays) -> None:
        if not take_the_same(loaded.contract, self.target.contract):
            return  # what answers was exchanged for one with other inputs
        begun = self._pace()
        found = self.target.session.run(inputs)
        took = (self._pace() - begun) * MILLISECONDS
        comparing, size = self._compared_with(loaded), size_of(inputs)
        differs = [comparing.differs(answered, found, row, size) for row in range(_rows(inputs))]
        names = _names(inputs, differs)
        with self._lock:
            self._count_all(names)
            self._figures.ran(len(differs), took, [took])

    def _failed(self, inputs: Arrays) -> None:
        names: list[str] = []
        with suppress(Exception):  # what cannot even be told apart by slice has failed, and that is counted
            names = _names(inputs, [True] * _rows(inputs))
        with self._lock:
            self._count("shadow.failed")
            self._count_all(names)

    def _compared_with(self, loaded: LoadedModel) -> Comparing:
        rules = self._rules()
        if self._comparing is None or self._comparing[0] is not loaded or self._comparing[1] != rules:
            contracts = rules.judging(loaded).contract, rules.judging(self.target).contract
            self._comparing = loaded, rules, Comparing(*contracts)
        return self._comparing[2]

    def _count_all(self, names: Sequence[str]) -> None:
        for name in names:
            self._count(name)

    def _count(self, name: str) -> None:
        self._counts[name] = self._counts.get(name, 0) + 1


def _rows(inputs: Arrays) -> int:
    return len(next(iter(inputs.values())))


def _names(inputs: Arrays, differs: Sequence[bool]) -> list[str]:
    """What is counted of these rows."""
    found: list[str] = []
    for row, other in enumerate(differs):
        what = "differs" if other else "same"
        found += ["shadow.rows", f"shadow.{what}", *(f"shadow.{one}.{what}" for one in slices_of(inputs, row))]
    return found


def _first(arrays: Arrays) -> Arrays:
    return {name: one[:MOST_ROWS].copy() for name, one in arrays.items()}


def _least_priority() -> None:
    """Of this thread alone, where the system lets a thread have one."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LEAST_PRIORITY)
