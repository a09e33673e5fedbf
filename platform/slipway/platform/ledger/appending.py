"""Writing a decision into the next place, once.

Before the first try an intent is bound under the decision's id: the number from which on it can stand. Whoever tries
again, after a crash or at the same moment, looks at every entry from there on before it takes a free place. Places are
taken by `put_if_absent` and entries never change, so a decision stands at most once, and a place is never skipped. One
that became void, because its key was revoked from before that on, does not stand.

The cost does not depend on the length of the ledger: seven requests where nobody else writes.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from slipway.platform.canonical import canonical
from slipway.platform.errors import WrongUse
from slipway.platform.identity import NotTrusted, People, PersonSigner, sign
from slipway.platform.ledger import heads
from slipway.platform.ledger.checking import Checked, Place, believed, check
from slipway.platform.ledger.entry import PAYLOAD, Decision, Entry, Written, entry_key
from slipway.platform.ledger.errors import LedgerDamaged
from slipway.platform.ledger.rights import check_right
from slipway.platform.runs.records import Record
from slipway.platform.store import ObjectMissing, Store, StoreError

log = logging.getLogger(__name__)

INTENTS: Final = "ledger-intents"
SLOW: Final = timedelta(minutes=5)
"""How far a clock may be behind the entry before without a word."""


class Intent(Record):
    """From which number on a decision can stand."""

    first: int


def intent_key(decision: str) -> str:
    """Where a decision's intent lies."""
    return f"{INTENTS}/{decision}.json"


class Appender:
    """Writes for one signer."""

    def __init__(self, store: Store, people: People, signer: PersonSigner, now: Callable[[], datetime]) -> None:
        self._store, self._people, self._signer, self._now = store, people, signer, now

    def append(self, decision: Decision) -> Written:
        """The decision as it stands in the ledger."""
        self._check_request(decision)
        noted = heads.noted_head(self._store)
        head = heads.find_head(self._store, noted.number if noted else 0)
        first = Intent(first=head + 1).bind(self._store, intent_key(decision.id)).first
        before = self._at(first - 1) if first > 1 else None
        if noted and before and noted.number == before.entry.number and noted.digest != before.digest:
            raise LedgerDamaged(
                f"Entry {noted.number} of the ledger in {self._store.url} is not the one that was written.",
                number=noted.number,
                mend="`slipway ledger verify` names all that is wrong.",
            )
        while True:
            found = self._next(decision, before, head)
            before = believed(found, self._store.url)
            if before.entry.decision.id == decision.id and not found.void:
                if noted is None or noted.number < before.entry.number:
                    self._note(before)
                return before

    def _check_request(self, decision: Decision) -> None:
        """Refuse what readers would, before anything is written."""
        found = self._people.holder(self._signer.key.keyid)
        if found is None or not found[1].trusted_now():
            raise NotTrusted(
                f"The key of `{self._signer.person.name}` is not trusted in {self._people.source}.",
                mend="`slipway identity show` lists who is.",
            )
        check_right(decision, found[0], self._people)
        try:
            again = Decision.model_validate_json(canonical(decision.model_dump(mode="json")))
        except ValueError as error:
            raise WrongUse(f"A decision is written as JSON, and this one cannot be: {error}") from None
        if again.id != decision.id:
            raise WrongUse("A decision read back must be the same; this one would be another.")

    def _next(self, decision: Decision, before: Written | None, head: int) -> Checked:
        """The entry that follows: one that is there, else ours if nobody is faster."""
        place = Place.following(before)
        key = entry_key(place.number)
        held = self._store.get(key) if place.number <= head else None
        envelope = held or self._store.put_if_absent(key, self._envelope(decision, place))
        return check(place, envelope, self._people)

    def _envelope(self, decision: Decision, place: Place) -> bytes:
        at = self._now()
        if place.after is not None and place.after > at:
            if place.after - at > SLOW:
                log.warning("This clock is %s behind the newest entry of the ledger.", place.after - at)
            at = place.after
        if not self._signer.key.trusted_at(at):
            raise NotTrusted(
                f"The key of `{self._signer.person.name}` counts since {self._signer.key.since}, and it is {at} here.",
                mend="Set this machine's clock, or wait until then.",
            )
        entry = Entry(number=place.number, previous=place.previous or "", at=at, decision=decision)
        return sign(self._signer, entry.to_bytes(), PAYLOAD)

    def _at(self, number: int) -> Written:
        """An entry that must be there; its own place in the chain is for readers to look at."""
        try:
            envelope = self._store.get(entry_key(number))
        except ObjectMissing:
            raise heads.cut_off(self._store, number) from None
        return believed(check(Place(number, previous=None), envelope, self._people), self._store.url)

    def _note(self, written: Written) -> None:
        """The entry stands, whether or not the note can be left."""
        try:
            heads.note_head(self._store, written)
        except StoreError as error:
            log.warning("The ledger's head could not be noted: %s", error)
