"""What the store's records say of a model besides decisions: how old its data is, and what its runs cost.

Read from the store alone: neither MLflow nor DVC is asked, so a page depends on neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Final

from slipway.platform.data.record import key_of, load_record, recorded
from slipway.platform.registry.bundles import load_bundle
from slipway.platform.runs import index
from slipway.platform.runs.entries import Entry

if TYPE_CHECKING:
    from slipway.platform.store import Store

LEARNING: Final = ("train", "script")
MOST_RUNS: Final = 500
"""Of a month; beyond them its cost is told as `more than`."""
MOST_SNAPSHOTS: Final = 1_000


@dataclass(frozen=True)
class Data:
    """What a bundle learned from."""

    snapshot: str = ""
    """Empty where it came from outside."""
    recorded_at: datetime | None = None
    """By the store's clock; None where the store has no record of it."""
    images: int | None = None
    newer: int = 0
    """Snapshots that were recorded since."""
    newest_at: datetime | None = None
    """Of them."""


@dataclass(frozen=True)
class Costs:
    """What runs of a model cost, all attempts that have ended."""

    month: Mapping[str, Decimal]
    """By currency, of runs begun in this month."""
    runs: int
    """Begun in this month."""
    more: bool
    """Whether there were more than are added up."""
    last: Entry | None
    """The newest training."""

    @property
    def told(self) -> str:
        """Of the month."""
        if not self.runs:
            return "no run this month"
        sums = " and ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(self.month.items()))
        more = "more than " if self.more else ""
        return f"{more}{sums or 'nothing'} for {self.runs:,} run{'s' * (self.runs > 1)} this month"

    @property
    def last_told(self) -> str:
        """Of the newest training."""
        if self.last is None:
            return ""
        if not self.last.cost:
            return "on a target without a price" if self.last.ended else "under way"
        return f"{self.last.cost:,.2f} {self.last.currency}"


def data_of(store: "Store", bundle: str, now: datetime) -> Data:
    """Of a champion."""
    snapshot = str(load_bundle(store, bundle).manifest.get("lineage", {}).get("snapshot") or "")
    record = load_record(store, snapshot) if snapshot else None
    if record is None:
        return Data(snapshot)
    age = store.age(key_of(snapshot))
    others = (one for one in islice(recorded(store), MOST_SNAPSHOTS) if one != snapshot)
    newer = [found for found in (store.age(key_of(one)) for one in others) if found < age]
    images = record.manifest.counts.get("images")
    return Data(snapshot, now - age, images, len(newer), now - min(newer) if newer else None)


def costs_of(store: "Store", model: str, now: datetime) -> Costs:
    """Of this month, and of the newest training."""
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month: dict[str, Decimal] = {}
    last, runs = None, 0
    for entry in islice(index.entries(store, model=model), MOST_RUNS + 1):
        if entry.created >= begin:
            runs += 1
            if entry.cost:
                month[entry.currency] = month.get(entry.currency, Decimal(0)) + entry.cost
        if last is None and entry.kind in LEARNING:
            last = entry
        if entry.created < begin and last is not None:
            break
    return Costs(month, min(runs, MOST_RUNS), runs > MOST_RUNS, last)
