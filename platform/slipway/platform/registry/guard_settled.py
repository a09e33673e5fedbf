"""When our aliases in MLflow were last equal to the ledger: `guard/<model>/<12 digits>.json`, bound once each.

The digits are the number of the model's newest entry at that time. Whoever makes the aliases equal to the ledger notes
it here, so that the guard can tell an alias that somebody moved by hand from one that has not followed yet, because
whoever promoted was killed in between. A note that is missing makes the guard suspicious, never blind.
"""

from collections.abc import Mapping
from typing import Final

from slipway.platform.ledger.entry import DIGITS
from slipway.platform.runs.records import Record
from slipway.platform.store import Store

FOLDER: Final = "guard"


class Settled(Record):
    """The aliases as they were made."""

    entry: int = 0
    """The newest entry that was known then."""
    aliases: Mapping[str, str] = {}


def last_settled(store: Store, model: str) -> Settled:
    """The newest note; that of a model without any says that it has no aliases."""
    keys = list(store.list(f"{FOLDER}/{model}/"))
    return (Settled.load(store, keys[-1]) if keys else None) or Settled()


def note_settled(store: Store, model: str, settled: Settled) -> None:
    """Note it; older notes are of no use any more."""
    key = f"{FOLDER}/{model}/{settled.entry:0{DIGITS}d}.json"
    store.put_if_absent(key, settled.to_bytes())
    for old in list(store.list(f"{FOLDER}/{model}/")):
        if old < key:
            store.delete(old)
