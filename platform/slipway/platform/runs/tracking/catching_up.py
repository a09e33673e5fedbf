"""Telling MLflow later, from the store, what it could not be told in time.

Everything that a shipper sends lies in the store as well: names and parts, the newest attempt's journal, which holds
whatever was measured before it, its log and outcome, and the result's files. So anybody can do it, from anywhere, any
number of times.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.results import fetch_file, load_result
from slipway.platform.runs.standing import last_spec
from slipway.platform.runs.tracking.described import describe, outcome_of
from slipway.platform.runs.tracking.shipment import KEPT, Shipment
from slipway.platform.runs.tracking.tracker import Tracker
from slipway.platform.runs.workplace import Workplace
from slipway.platform.store import Store

UNSHIPPED: Final = "unshipped/"
PICTURES: Final = "pictures/"


@dataclass(frozen=True)
class CaughtUp:
    """What MLflow has been told."""

    shipped: int = 0
    """Events of the journal that it knows."""
    page: str = ""
    """Where a person looks at the run."""
    refused: tuple[str, ...] = ()
    """What it will never take."""
    complete: bool = False
    """Whether it knows everything, and how it ended."""


def mark(store: Store, key: str) -> None:
    """Remember that MLflow may not know everything about this work."""
    store.put(UNSHIPPED + key, b"{}")


def unmark(store: Store, key: str) -> None:
    """It does now."""
    store.delete(UNSHIPPED + key)


def marked(store: Store) -> list[str]:
    """The keys of works that MLflow may not know everything about; some are under way."""
    return [name.removeprefix(UNSHIPPED) for name in store.list(UNSHIPPED)]


def unshipped(store: Store) -> list[str]:
    """Those of them that have ended, so that nobody else tells the rest."""
    return [key for key in marked(store) if has_ended(store, key)]


def has_ended(store: Store, key: str) -> bool:
    """Whether the last attempt has an outcome, or there never was one."""
    last = last_spec(store, key)
    return last is None or outcome_of(store, key, last.number) is not None


def catch_up(store: Store, tracker: Tracker, key: str, stop: Callable[[], bool] = lambda: False) -> CaughtUp:
    """Tell everything that is missing, and how it ended; raises `TrackingUnreachable` where that is not possible."""
    last = last_spec(store, key)
    if last is None:
        unmark(store, key)
        return CaughtUp(complete=True)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        place = Workplace(Path(scratch))
        restore(store, key, last.number, place)
        shipment = Shipment(store, tracker, describe(store, key, last.number), place)
        shipment.begin()
        while not stop() and shipment.advance():
            pass
        outcome = outcome_of(store, key, last.number)
        complete = outcome is not None and not stop()
        if outcome is not None and complete:
            shipment.finish(outcome)
            if shipment.newest:
                unmark(store, key)
    return CaughtUp(shipment.shipped, shipment.page, tuple(shipment.refused), complete)


def restore(store: Store, key: str, number: int, place: Workplace) -> None:
    """Journal, log and the files that MLflow keeps, as the attempt's workplace had them."""
    keys = WorkKeys(key)
    join_pieces(store, keys.attempt(number).journal, place.journal)
    join_pieces(store, keys.attempt(number).log, place.log)
    result = load_result(store, key)
    for name in result.files if result else ():
        if result and (name in KEPT or name.startswith(PICTURES)):
            fetch_file(store, result, name, place.results / name)


def join_pieces(store: Store, prefix: str, target: Path) -> None:
    """A file that lies in the store in pieces, whose names sort as they follow each other."""
    with target.open("wb") as file:
        for name in store.list(prefix):
            file.write(store.get(name))
