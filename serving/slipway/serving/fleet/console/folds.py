"""Where models stand, folded from the ledger once for each new entry, however many pages are shown between.

A fold is good as long as the ledger ends with the same entry and the people file is the same. Both are looked at for
each page, so a page shows what was decided just before it.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.platform.ledger.entry import EVERY_MODEL, Written, digest_of, entry_key
from slipway.platform.ledger.heads import exists
from slipway.platform.registry.standing import ModelStanding
from slipway.platform.store import ObjectMissing, Store
from slipway.serving.release.folding import folded
from slipway.serving.release.rollouts import Rollout

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk

Folded = Mapping[str, tuple[Rollout, ModelStanding]]


@dataclass(frozen=True)
class _Kept:
    newest: Written
    trusts: object
    models: Folded


class Folds:
    """Of one service's ledger; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def of(self, desk: "Desk") -> Folded:
        """Every model that something was decided about, by name."""
        with self._lock:
            kept, trusts = self._kept, desk.people
            if kept and kept.trusts == trusts and _ends_with(desk.store, kept.newest):
                return kept.models
            entries = tuple(desk.ledger.entries())
            names = sorted({one.entry.decision.model for one in entries} - {EVERY_MODEL})
            models = {name: folded(name, entries) for name in names}
            self._kept = _Kept(entries[-1], trusts, models) if entries else None
            return models


def _ends_with(store: Store, newest: Written) -> bool:
    """Whether the store has this entry still, and none after it."""
    number = newest.entry.number
    try:
        same = digest_of(store.get(entry_key(number))) == newest.digest
    except ObjectMissing:
        return False
    return same and not exists(store, number + 1)
