"""What MLflow shows of a model: aliases equal to the ledger, and each version's card as its description.

All of it is derived: it can be made again at any time from ledger and store. The aliases of others are left alone.
"""

from typing import Final

from slipway.platform.registry.cards import card_of
from slipway.platform.registry.desk import Desk
from slipway.platform.registry.guard_settled import Settled, note_settled
from slipway.platform.registry.guarding import wanted_aliases
from slipway.platform.registry.pages import brief
from slipway.platform.registry.records import VersionRecord
from slipway.platform.registry.standing import ModelStanding, standing_of
from slipway.platform.runs.tracking.tracker import TrackingRefused

ROUNDS: Final = 4
LONGEST: Final = 5000
"""Characters of a description that MLflow's database has room for."""


def show_version(desk: Desk, record: VersionRecord) -> None:
    """Aliases and this version's description, as the ledger says now."""
    entries = list(desk.ledger.entries(record.model))
    standing = standing_of(record.model, entries)
    made = make_aliases(desk, standing)
    note_settled(desk.store, record.model, Settled(entry=entries[-1].entry.number if entries else 0, aliases=made))
    text = brief(card_of(desk, record, standing), LONGEST)
    there = desk.registry.version(record.model, record.number)
    if there is not None and there.description != text:
        desk.registry.describe(record.model, record.number, text)


def make_aliases(desk: Desk, standing: ModelStanding) -> dict[str, str]:
    """Make our aliases in MLflow what the ledger says; what they are then."""
    wanted, found = wanted_aliases(standing), desk.registry.aliases(standing.model)
    for alias, number in wanted.items():
        if number is None:
            if alias in found:
                desk.registry.delete_alias(standing.model, alias)
        elif found.get(alias) != number:
            _set(desk, standing.model, alias, number)
    return {alias: number for alias, number in wanted.items() if number is not None}


def _set(desk: Desk, model: str, alias: str, number: str) -> None:
    """Set an alias; where others set it at the same moment, MLflow refuses all but one of them."""
    for left in reversed(range(ROUNDS)):
        try:
            desk.registry.set_alias(model, alias, number)
        except TrackingRefused:
            if desk.registry.aliases(model).get(alias) == number:
                return
            if not left:
                raise
        else:
            return
