"""What MLflow shows of a model: aliases equal to the ledger, and each version's card as its description.

All of it is derived: it can be made again at any time from ledger and store. The aliases of others are left alone, and
so is one of ours that somebody moved by hand: the guard judges it, and tells the ledger.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from slipway.platform.ledger.entry import Written
from slipway.platform.registry.cards import card_of
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.guard_settled import Settled, last_settled, note_settled
from slipway.platform.registry.guarding import ALIASES, wanted_aliases
from slipway.platform.registry.mlflow import point_alias
from slipway.platform.registry.pages import brief
from slipway.platform.registry.records import VersionRecord, load_version
from slipway.platform.registry.standing import ModelStanding, standing_of, standings_since

log = logging.getLogger(__name__)

LONGEST: Final = 5000
"""Characters of a description that MLflow's database has room for."""


def show_version(desk: Desk, record: VersionRecord) -> None:
    """Aliases, and the descriptions of this version and of those whose alias came or went, as the ledger says now."""
    entries = list(desk.ledger.entries(record.model))
    standing = standing_of(record.model, entries)
    before = desk.registry.aliases(record.model)
    moved_by_hand = by_hand(before, standing, entries, last_settled(desk.store, record.model))
    made = make_aliases(desk, standing, before, besides=moved_by_hand)
    if not moved_by_hand:
        note_settled(desk.store, record.model, Settled(entry=entries[-1].entry.number if entries else 0, aliases=made))
    for alias in moved_by_hand:
        log.warning(
            "Somebody moved `%s` of %s in MLflow by hand: `slipway model guard --once` judges it.", alias, record.model
        )
    changed = [alias for alias in ALIASES if before.get(alias) != made.get(alias)]
    moved = {side.get(alias) for alias in changed for side in (before, made)}
    for number in {record.number, *moved}:
        version = standing.numbered(number) if number else None
        if version is not None:
            _describe(desk, load_version(desk.store, version.bundle), standing)


def _describe(desk: Desk, record: VersionRecord, standing: ModelStanding) -> None:
    text = brief(card_of(desk, record, standing), LONGEST)
    there = desk.registry.version(record.model, record.number)
    if there is not None and there.description != text:
        desk.registry.describe(record.model, record.number, text)


def by_hand(
    found: Mapping[str, str], standing: ModelStanding, entries: Sequence[Written], settled: Settled
) -> list[str]:
    """Our aliases that are not what they were made last, nor what the ledger said at any time since."""
    differing = [alias for alias, number in wanted_aliases(standing).items() if found.get(alias) != number]
    differing = [alias for alias in differing if found.get(alias) != settled.aliases.get(alias)]
    if not differing:
        return []
    since = [wanted_aliases(one) for one in standings_since(standing.model, entries, settled.entry)]
    return [alias for alias in differing if all(found.get(alias) != wanted[alias] for wanted in since)]


def make_aliases(
    desk: Desk, standing: ModelStanding, found: Mapping[str, str], *, besides: Iterable[str]
) -> dict[str, str]:
    """Make our aliases in MLflow what the ledger says, where they are found otherwise; what they are then."""
    wanted = {alias: number for alias, number in wanted_aliases(standing).items() if alias not in besides}
    for alias, number in wanted.items():
        if number is None:
            if alias in found:
                desk.registry.delete_alias(standing.model, alias)
        elif found.get(alias) != number:
            point_alias(desk.registry, standing.model, alias, number)
    return {alias: number for alias, number in wanted.items() if number is not None}
