"""Reading all entries, from this machine's cache as far as it goes and from the store beyond.

A chain of digests makes one comparison enough: where cache and store have the same envelope at a number, they have the
same ones before it. If the store has another one there, or none, it was rewritten or rolled back since it was last
read here, and that is told and not read over.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Final

from slipway.platform.identity import People
from slipway.platform.ledger import heads
from slipway.platform.ledger.cache import SEGMENT, Cache
from slipway.platform.ledger.checking import Checked, Place, believed, check
from slipway.platform.ledger.entry import Written, digest_of, entry_key
from slipway.platform.ledger.errors import LedgerDamaged
from slipway.platform.ledger.heads import Head
from slipway.platform.store import ObjectMissing, Store

log = logging.getLogger(__name__)

PARALLEL: Final = 16


class Reader:
    """One reading of one store's ledger."""

    def __init__(self, store: Store, people: People, cache: Path | None) -> None:
        self._store, self._people = store, people
        self._cache = None if cache is None else Cache(cache, store.url)

    def entries(self) -> Iterator[Written]:
        """All that count, in order."""
        known, checked = self._cached()
        yield from (one.written for one in checked if one.written and not one.void)
        before = checked[-1].written if checked else None
        kept = len(known)
        try:
            for envelope in self._fetched(len(known)):
                found = check(Place.following(before), envelope, self._people)
                before = believed(found, self._store.url)
                known.append(envelope)
                if found.void:
                    log.warning("Entry %s of the ledger counts for nothing: %s.", before.entry.number, _why(found))
                else:
                    yield before
        finally:
            if self._cache is not None and len(known) > kept:
                self._cache.keep(known, kept)

    def newest(self) -> Written | None:
        """The entry at the end."""
        number = heads.find_head(self._store, _noted(self._store))
        if number == 0:
            return None
        found = check(Place(number, previous=None), self._store.get(entry_key(number)), self._people)
        return believed(found, self._store.url)

    def _fetched(self, known: int) -> Iterator[bytes]:
        """The envelopes after `known`, many at once."""
        head = heads.find_head(self._store, max(known, _noted(self._store)))
        with ThreadPoolExecutor(PARALLEL) as pool:
            for first in range(known + 1, head + 1, SEGMENT):
                numbers = range(first, min(first + SEGMENT, head + 1))
                yield from pool.map(self._get, numbers)
        for number in count(head + 1):
            try:
                yield self._store.get(entry_key(number))
            except ObjectMissing:
                return

    def _get(self, number: int) -> bytes:
        try:
            return self._store.get(entry_key(number))
        except ObjectMissing:
            raise heads.cut_off(self._store, number) from None

    def remembered(self) -> Head | None:
        """The newest entry that this machine has read before."""
        known, _ = self._own()
        return Head(number=len(known), digest=digest_of(known[-1])) if known else None

    def _cached(self) -> tuple[list[bytes], list[Checked]]:
        """What the cache has, once it was held against the store."""
        known, checked = self._own()
        if known:
            self._compare(known)
        return known, checked

    def _own(self) -> tuple[list[bytes], list[Checked]]:
        """What the cache has, as far as it is a chain whose end is signed: that vouches for all before it."""
        known: list[bytes] = []
        checked: list[Checked] = []
        for envelope in self._cache.envelopes() if self._cache else ():
            place = Place.following(checked[-1].written if checked else None)
            found = check(place, envelope, self._people, seen=True)
            if found.fatal or found.written is None:
                log.info("The ledger's cache is read up to entry %s: %s.", len(known), _why(found))
                break
            known.append(envelope)
            checked.append(found)
        while known and check(Place(len(known), previous=None), known[-1], self._people).written is None:
            del known[-1], checked[-1]
        return known, checked

    def _compare(self, known: list[bytes]) -> None:
        """Refuse a store that no longer has what was read here before."""
        newest = len(known)
        if self._same(known, newest):
            return
        low, high = 0, newest
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._same(known, middle) else (low, middle)
        rewritten = heads.exists(self._store, high)
        folder = self._cache.folder if self._cache else ""
        raise LedgerDamaged(
            f"The ledger in {self._store.url} was {'rewritten' if rewritten else 'rolled back'}: entry {high} is "
            f"{'another one now' if rewritten else 'missing'}, and this machine has read it"
            f"{f', up to {newest}' if newest > high else ''}.",
            number=high,
            mend=f"Restore the store from a backup. If it was begun anew on purpose, delete {folder}.",
        )

    def _same(self, known: list[bytes], number: int) -> bool:
        try:
            return digest_of(self._store.get(entry_key(number))) == digest_of(known[number - 1])
        except ObjectMissing:
            return False


def _noted(store: Store) -> int:
    head = heads.noted_head(store)
    return head.number if head else 0


def _why(found: Checked) -> str:
    return "; ".join(one.text for one in found.problems)
