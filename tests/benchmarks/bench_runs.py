"""Listing runs with 1,000 and 10,000 finished ones in the store, against the same with 100.

What `slipway runs` reads goes with what it shows, so the ratios should be near one. The entries are written as runs
write theirs, spread over months; the page is the one that the command shows unless asked for more.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness import Pair
from slipway.platform.jobs.listing import Wanted, runs
from slipway.platform.runs.entries import Entry
from slipway.platform.runs.index import put_entry
from slipway.platform.runs.records import State
from slipway.platform.runs.standing import Here
from slipway.platform.settings import schema
from slipway.platform.store import Store, open_store
from slipway.platform.store.directory import DirectoryStore

FEW = 100
MANY = (1_000, 10_000)
MODELS = ("bay-occupancy", "vehicle-detect", "vehicle-reid")
PEOPLE = ("ada", "grace", "linus")
APART = timedelta(minutes=7)
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """All runs, and those of a model."""
    with tempfile.TemporaryDirectory() as scratch:
        stores = {count: filled(Path(scratch) / str(count), count) for count in (FEW, *MANY)}
        yield [pair for count in MANY for pair in listing_pairs(stores, count)]


def listing_pairs(stores: dict[int, Store], count: int) -> list[Pair]:
    """The first page, in processes that have listed before."""
    here = Here("bench", "", Path("/nowhere"))
    wanted = {"runs": Wanted(), "runs --model": Wanted(model=MODELS[0])}
    return [
        Pair(
            name=f"{command}: {count:,} finished runs, against {FEW}",
            ours=lambda asked=asked: runs(stores[count], here, asked),  # type: ignore[misc]
            reference=lambda asked=asked: runs(stores[FEW], here, asked),  # type: ignore[misc]
            unit="ms",
            goal=2.0,
        )
        for command, asked in wanted.items()
    ]


def filled(folder: Path, count: int) -> Store:
    """A store with so many runs that have ended."""
    plain = Plain(folder)
    for number in range(count):
        put_entry(plain, entry(number))
    return open_store(schema.Store(url=str(folder)), schema.S3())


class Plain(DirectoryStore):
    """Writes what is only there to be listed without waiting for the disk."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._at = root

    def put(self, key: str, data: bytes) -> None:
        path = self._at / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def entry(number: int) -> Entry:
    """A run like others."""
    created = NEWEST - APART * number
    return Entry(
        key=f"r1-{number:064x}",
        name=f"quiet-heron-{number}",
        model=MODELS[number % len(MODELS)],
        team="perception",
        person=PEOPLE[number % len(PEOPLE)],
        state=State.DONE,
        attempt=1,
        created=created,
        ended=created + timedelta(minutes=5),
        seconds=300.0,
        headline="accuracy",
        value=0.9,
    )
