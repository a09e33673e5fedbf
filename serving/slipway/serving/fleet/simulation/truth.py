"""What devices really decided, beside what they tell: two counts of the same, kept apart.

What the runtime does is counted where it is done. What is written into a spool is counted as it is written; what was
still in memory when a process ended by itself is gone, and that is known as well. A service whose store was set back
has lost what devices forgot since the copy, as they had its word for it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from slipway.serving.edge.telemetry.collecting import COUNTED, subject_of
from slipway.serving.edge.telemetry.spool import Batch, Kind, Record, Spool, SpoolFailed
from slipway.serving.fleet.facts import Work
from slipway.serving.fleet.store.names import Ranges
from slipway.serving.runtime.figures import Figures
from slipway.serving.runtime.live import Answering

Counts = Counter[tuple[str, str]]
"""By subject and name."""
SMALL: Final = 1_000
"""Bytes of a spool that is soon full."""


@dataclass
class Truth:
    """Of one device."""

    decided: Counts = field(default_factory=Counter)
    """By the runtime."""
    written: Counts = field(default_factory=Counter)
    """Into its spool."""
    died: Counts = field(default_factory=Counter)
    """With a process, before it was written."""
    lost: Counts = field(default_factory=Counter)
    """By the service, which had taken it."""
    confirmed: list[Record] = field(default_factory=list)
    """Counts that the device has forgotten since the last copy of the service's store."""
    asked: bool = False
    """The runtime was asked for what it did, as a window ends."""
    behind: bool = False
    """A full disk has not taken what a window told."""

    def end_process(self) -> None:
        """It ended by itself."""
        self.died = self.decided - self.written

    def unwritten(self) -> str | None:
        """What was neither written nor died, or more than was decided; right after a window ended."""
        return _unlike("decided", self.decided - self.died, "written", self.written)

    def untold(self, works: Iterable[Work]) -> str | None:
        """Where the service has other counts than the spool had."""
        stored = Counter[tuple[str, str]]()
        for work in works:
            for name, count in work.counts.items():
                stored[str(work.release), name] += count
        return _unlike("written", by_release(self.written - self.lost), "stored", stored)

    def copied(self) -> None:
        """The service's store was copied."""
        self.confirmed.clear()

    def set_back(self, stored: Mapping[str, Ranges]) -> None:
        """The service's store is that copy now, with these records by generation of the spool."""
        for one in self.confirmed:
            generation, _, number = one.name.partition("-")
            if generation not in stored or stored[generation].add(int(number)):
                self.lost.update(counts_of(one.subject, one.body))
        self.confirmed.clear()


def counts_of(subject: str, body: bytes) -> Counts:
    """What a record of counts says."""
    return Counter({(subject, name): count for name, count in json.loads(body).items() if count})


def figures_counts(who: Answering, figures: Figures) -> Counts:
    """What telemetry has to say of them."""
    subject = subject_of(who)
    return Counter({(subject, name): count for name in COUNTED if (count := getattr(figures, name))})


def counts_total(counts: Counts) -> int:
    """How many decisions they are."""
    return sum(count for (_, name), count in counts.items() if name in ("answered", "failed"))


def by_release(counts: Counts) -> Counts:
    """The same, with the number of the release in place of the whole subject."""
    found = Counter[tuple[str, str]]()
    for (subject, name), count in counts.items():
        found[subject.split("/")[1], name] += count
    return found


def _unlike(one: str, mine: Counts, other: str, its: Counts) -> str | None:
    for subject, name in sorted(mine.keys() | its.keys()):
        if mine[subject, name] != its[subject, name]:
            told = f"{one} are {mine[subject, name]:,} and {other} {its[subject, name]:,}"
            return f"of `{name}` of {subject.rpartition('/')[0] or f'release {subject}'} {told}"
    return None


class SimulatedSpool(Spool):
    """The real spool over a real file, on a disk that is full when it should be."""

    def __init__(self, path: Path, truth: Truth, *, limit: int, full: Callable[[], bool]) -> None:
        super().__init__(path, limit=limit)
        self._database.execute("pragma synchronous = off")  # no power is cut under SQLite here
        self._truth, self._full = truth, full

    def add(self, kind: Kind, subject: str, at: str, body: bytes) -> None:
        if self._full():
            self._truth.behind = True
            raise SpoolFailed("The spool of telemetry cannot be written: no space is left.")
        super().add(kind, subject, at, body)
        if kind == "counts":
            self._truth.written.update(counts_of(subject, body))

    def confirm(self, batch: Batch) -> None:
        super().confirm(batch)
        self._truth.confirmed += [one for one in batch.records if one.kind == "counts"]
