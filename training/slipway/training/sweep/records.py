"""What a sweep leaves in the store, from which it goes on after any kill.

    sweeps/<key>/sweep.json             what is swept; bound once
    sweeps/<key>/trials/<n>.json        what trial n tries; bound once, so a number has one meaning
    sweeps/<key>/outcomes/<n>.json      what came of it; bound once

A sweep's key is made of what it sweeps: the key of a run with what does not vary (so model, code, data, config), space,
seed and metric. How many trials, and how many at once, are no part of it, so that one can ask for more. A trial without
an outcome is under way or was interrupted; either way its training is found by its own key.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal

from slipway.platform.canonical import canonical
from slipway.platform.runs.records import Record
from slipway.platform.store import ObjectMissing, Store

PREFIX: Final = "s1-"
SWEEPS: Final = "sweeps"


class Sweep(Record):
    """What is swept."""

    model: str
    base: str
    """The key of a run with all that does not vary."""
    space: tuple[str, ...]
    """The overrides that stand for several values, as they are understood."""
    seed: int = 0
    metric: str = ""
    """Empty is the headline on validation."""
    falling: bool | None = None
    """Whether less is better; None goes by the metric's name."""

    @property
    def key(self) -> str:
        """Its name in the store."""
        return PREFIX + hashlib.sha256(canonical(self.model_dump(mode="json"))).hexdigest()


class Trial(Record):
    """What is tried."""

    number: int
    values: Mapping[str, str]


class Outcome(Record):
    """What came of a trial."""

    number: int
    state: Literal["done", "failed"]
    score: float | None = None
    metric: str = ""
    run: str = ""
    """The run's key."""
    name: str = ""
    reason: str = ""
    seconds: float = 0.0
    where: str = ""
    """The target and the machine; empty is the machine of the sweep."""
    cost: Decimal = Decimal(0)
    """What it cost this sweep: work that others paid for cost it nothing."""
    currency: str = ""


class Records:
    """The records of one sweep."""

    def __init__(self, store: Store, sweep: Sweep) -> None:
        self._store, self._folder = store, f"{SWEEPS}/{sweep.key}"
        store.put_if_absent(f"{self._folder}/sweep.json", sweep.to_bytes())

    def trials(self) -> list[Trial]:
        """All that were begun, by number."""
        found = [Trial.read(data) for data in self._all("trials")]
        return sorted(found, key=lambda trial: trial.number)

    def outcomes(self) -> dict[int, Outcome]:
        """What came of those that ended."""
        return {one.number: one for one in map(Outcome.read, self._all("outcomes"))}

    def begin(self, trial: Trial) -> Trial:
        """Give the number its meaning, unless it has one; either way what it means."""
        return Trial.read(self._store.put_if_absent(f"{self._folder}/trials/{trial.number}.json", trial.to_bytes()))

    def end(self, outcome: Outcome) -> Outcome:
        """Record what came of it, unless somebody has; either way what is recorded."""
        key = f"{self._folder}/outcomes/{outcome.number}.json"
        return Outcome.read(self._store.put_if_absent(key, outcome.to_bytes()))

    def forget_failures(self) -> None:
        """Let the trials that failed be tried again."""
        for number, outcome in self.outcomes().items():
            if outcome.state == "failed":
                self._store.delete(f"{self._folder}/outcomes/{number}.json")

    def _all(self, kind: str) -> list[bytes]:
        found = []
        for key in list(self._store.list(f"{self._folder}/{kind}/")):
            try:
                found.append(self._store.get(key))
            except ObjectMissing:
                continue
        return found
