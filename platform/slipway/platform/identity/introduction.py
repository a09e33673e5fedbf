"""Becoming known: a key of one's own, and in a context without people the first entry.

Create-or-adopt: whatever an earlier call left undone, because it was killed or because another ran at once, the next
one finds and finishes. The first to be introduced trusts themself, because there is nobody else to do it; everyone
after that is trusted by someone.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from securesystemslib.signer import SSlibKey

from slipway.platform.identity.key_ring import KeyRing
from slipway.platform.identity.people import People
from slipway.platform.identity.people_changes import Trust, new_person, trusting
from slipway.platform.identity.people_store import PeopleStore
from slipway.platform.identity.signers import trusted_entry


@dataclass(frozen=True)
class Introduction:
    """What `introduce` found and did: whether the key is new, whether the entry is, and whether there is one now."""

    key: SSlibKey
    key_made: bool
    entry_made: bool
    trusted: bool


def introduce(ring: KeyRing, store: PeopleStore, wanted: Trust, now: datetime) -> Introduction:
    """Give `wanted.name` a key on this machine, and the first entry where there is none."""
    store.people()
    People((new_person(wanted, ()),))  # a wrong wish is refused before there is a key
    key_made = ring.make(wanted.name)
    key = ring.load(wanted.name).public_key
    trust = replace(wanted, key=key)

    def first_entry(people: People) -> People:
        return people if people.persons else trusting(people, trust, now)

    entry_made = store.update(first_entry)
    people = store.people()
    known = people.holder(key.keyid) is not None
    if known:
        trusted_entry(wanted.name, key.keyid, people)
    return Introduction(key, key_made, entry_made, known)
