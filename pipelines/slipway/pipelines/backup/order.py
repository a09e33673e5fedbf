"""In which order things are copied while others write: whatever names something is copied before what it names.

Nothing is named before it is there, and what is named is not removed. So when something that was copied names a record,
the record was there before the copying of its group began, and is found by that group's own listing. The copy may hold
records that nothing names yet, as after a crash; every step of Slipway finds and uses those.

What is put back goes the other way, so that nothing stands there before what it names does.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.pipelines.labelling import task
from slipway.pipelines.watching import looks
from slipway.platform.data.record import PREFIX as SNAPSHOTS
from slipway.platform.data.validation.records import PREFIX as VALIDATIONS
from slipway.platform.ledger import heads
from slipway.platform.ledger.appending import INTENTS
from slipway.platform.ledger.entry import entry_key
from slipway.platform.registry import bundles, exports, guard_settled, records, verdict, verdicts
from slipway.platform.runs import index, layout
from slipway.platform.runs.tracking.catching_up import UNSHIPPED
from slipway.platform.store import Store

LEDGER: Final = entry_key(1).rpartition("/")[0]
TRIED: Final = "doctor/"
"""What `slipway doctor` tries out; nobody misses it."""


@dataclass(frozen=True)
class Group:
    """Keys that are listed and copied together."""

    prefix: str
    ending: str = ""
    chained: bool = False
    """Each entry names the one before: what follows a gap in the listing is left for the next backup."""

    def has(self, key: str) -> bool:
        """Whether a key belongs to it."""
        return key.startswith(self.prefix) and key.endswith(self.ending)


REST: Final = Group("")
"""What no other group of a place has."""

STORE: Final = (
    Group(heads.KEY),
    Group(f"{INTENTS}/"),
    Group(f"{LEDGER}/", chained=True),
    Group(f"{guard_settled.FOLDER}/"),
    Group(f"{records.FOLDER}/"),
    Group(f"{verdicts.INDEX}/"),
    Group(f"{verdict.FOLDER}/"),
    Group(f"{exports.FOLDER}/"),
    Group(UNSHIPPED),
    Group(f"{index.INDEX}/"),
    Group(f"{layout.NAMES}/"),
    Group(f"{looks.FOLDER}/", ending="/look.json"),
    Group(task.PREFIX),
    Group(f"{looks.FOLDER}/"),
    REST,
    Group(f"{bundles.FOLDER}/"),
    Group(f"{layout.WORK}/", ending="/result.json"),
    Group(f"{layout.WORK}/"),
    Group(VALIDATIONS),
    Group(SNAPSHOTS),
    Group(f"{layout.JOBS}/"),
    Group(f"{layout.CODE}/"),
    Group(f"{layout.GIVEN}/"),
    Group(f"{layout.RESULTS}/"),
)
CHANNEL: Final = (Group("metadata/timestamp.json"), REST)
ARTEFACTS: Final = (REST,)


def place_of(key: str, groups: Sequence[Group]) -> int:
    """Which group a key belongs to: the first that has it, else the rest."""
    for place, group in enumerate(groups):
        if group is not REST and group.has(key):
            return place
    return groups.index(REST)


def listed(store: Store, groups: Sequence[Group]) -> Iterator[list[str]]:
    """The keys of each group, as they are when their turn comes."""
    for place, group in enumerate(groups):
        keys = [one for one in store.list(group.prefix) if place_of(one, groups) == place and counts(one)]
        yield unbroken(keys) if group.chained else keys


def counts(key: str) -> bool:
    """Whether it belongs into a backup."""
    return not key.startswith(TRIED)


def unbroken(keys: Sequence[str]) -> list[str]:
    """The entries from the first one on without a gap.

    One that was written during the listing may be missing in it, and one after it may not.
    """
    return [key for number, key in enumerate(sorted(keys), 1) if key == entry_key(number)]


def forwards(keys: Iterable[str], groups: Sequence[Group]) -> list[str]:
    """What names before what is named: so things are taken away."""
    return list(reversed(backwards(keys, groups)))


def backwards(keys: Iterable[str], groups: Sequence[Group]) -> list[str]:
    """What is named before what names it: so things are put back."""
    return sorted(keys, key=lambda key: (-place_of(key, groups), key))
