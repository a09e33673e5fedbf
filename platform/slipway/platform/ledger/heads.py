"""Finding the newest entry without listing the ledger.

After each entry its number and digest are noted at `ledger-head.json`. The note may lag: a writer was killed, or a
slow one wrote an older note over a newer. So it is only where the search begins, doubling its steps, then halving them.
What the note names must be there, though: a list that ends before it was cut off.
"""

from typing import Final

from pydantic import Field, ValidationError

from slipway.platform.ledger.entry import Written, entry_key
from slipway.platform.ledger.errors import LedgerDamaged
from slipway.platform.runs.records import Record
from slipway.platform.store import ObjectMissing, Store

KEY: Final = "ledger-head.json"


class Head(Record):
    """An entry that somebody saw at the end."""

    number: int = Field(ge=1)
    digest: str

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


def noted_head(store: Store) -> Head | None:
    """The note; one that cannot be read is none."""
    try:
        return Head.model_validate_json(store.get(KEY))
    except (ObjectMissing, ValidationError):
        return None


def note_head(store: Store, written: Written) -> None:
    """Leave the note for whoever comes next."""
    store.put(KEY, Head(number=written.entry.number, digest=written.digest).to_bytes())


def find_head(store: Store, known: int) -> int:
    """The number of the newest entry; 0 where there is none. `known` is one that must be there."""
    if known and not exists(store, known):
        raise cut_off(store, known)
    if not exists(store, known + 1):
        return known
    step, low = 1, known + 1
    while exists(store, low + step):
        low, step = low + step, step * 2
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if exists(store, middle) else (low, middle)
    return low


def exists(store: Store, number: int) -> bool:
    """Whether there is an entry of that number."""
    try:
        store.size(entry_key(number))
    except ObjectMissing:
        return False
    return True


def cut_off(store: Store, number: int) -> LedgerDamaged:
    """An entry that was there is not there any more."""
    return LedgerDamaged(
        f"Entry {number} of the ledger in {store.url} was written and is missing: entries were removed.",
        number=number,
        mend="Restore the store from a backup. `slipway ledger verify` names all that is wrong.",
    )
