"""The ledger, read and folded once for each new entry, however many pages are shown between.

A fold is good as long as the ledger ends with the same entry and the people file is the same. Both are looked at for
each page, so a page shows what was decided just before it.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from slipway.platform.ledger.entry import EVERY_MODEL, Written, digest_of, entry_key
from slipway.platform.ledger.heads import exists
from slipway.platform.registry.standing import ModelStanding
from slipway.platform.store import ObjectMissing, Store
from slipway.serving.fleet.service.refusing import Refusal
from slipway.serving.release.folding import folded
from slipway.serving.release.rollouts import Rollout

if TYPE_CHECKING:
    from slipway.platform.registry.desk import Desk

Folded = Mapping[str, tuple[Rollout, ModelStanding]]
PATIENCE_S: Final = 5.0
"""Where one page waits for the ledger, others wait for it no longer: threads are for devices, too."""


@dataclass(frozen=True)
class _Kept:
    entries: Sequence[Written] = ()
    models: Folded = field(default_factory=dict)
    trusts: object = None


class Folds:
    """Of one service's ledger; any thread may ask."""

    def __init__(self, patience: float = PATIENCE_S) -> None:
        self._lock, self._patience = threading.Lock(), patience
        self._kept = _Kept()

    def of(self, desk: "Desk") -> Folded:
        """Every model that something was decided about, by name."""
        return self._now(desk).models

    def entries(self, desk: "Desk") -> Sequence[Written]:
        """The ledger's, in their order."""
        return self._now(desk).entries

    def _now(self, desk: "Desk") -> _Kept:
        if not self._lock.acquire(timeout=self._patience):
            raise Refusal(
                503,
                f"The ledger in {desk.store.url} has not answered for {self._patience:g} s.",
                mend="Pages of devices need none. `slipway doctor` looks at the store.",
                again_s=self._patience,
            )
        try:
            kept, trusts = self._kept, desk.people
            if not (kept.entries and kept.trusts == trusts and _ends_with(desk.store, kept.entries[-1])):
                entries = tuple(desk.ledger.entries())
                names = sorted({one.entry.decision.model for one in entries} - {EVERY_MODEL})
                kept = self._kept = _Kept(entries, {name: folded(name, entries) for name in names}, trusts)
            return kept
        finally:
            self._lock.release()


def _ends_with(store: Store, newest: Written) -> bool:
    """Whether the store has this entry still, and none after it."""
    number = newest.entry.number
    try:
        same = digest_of(store.get(entry_key(number))) == newest.digest
    except ObjectMissing:
        return False
    return same and not exists(store, number + 1)
