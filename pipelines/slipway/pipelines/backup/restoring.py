"""Putting a backup back into the places that the settings name.

First everything is looked at: the backup's content, all of it, and the places. Only then something changes. Parts go
back in the order opposite to that of the copying, so whoever is killed leaves nothing that names what is not there; the
same command again goes on, because a place that holds part of the backup and nothing else is no one's loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.pipelines.backup.part import Look, Part, State
from slipway.pipelines.backup.place import BackupDamaged, Place
from slipway.pipelines.backup.records import Backup, Kept
from slipway.pipelines.backup.taking import troubles
from slipway.pipelines.backup.telling import Told
from slipway.platform.errors import WrongUse

SHOWN = 5


@dataclass(frozen=True)
class Planned:
    """A part, and what stands where it would go."""

    part: Part
    kept: Kept
    look: Look


def check(name: str, backup: Backup, place: Place, told: Told) -> None:
    """Refuse a backup that is not whole."""
    if wrong := troubles(backup, place, told):
        more = f", and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise BackupDamaged(
            f"The backup {name} in {place.store.url} is damaged: {'; '.join(wrong[:SHOWN])}{more}.",
            mend="Take an older one: `--at NAME`; `slipway backup DEST --list` names them. Nothing was changed.",
        )


def plan(parts: Sequence[Part], backup: Backup, told: Told) -> list[Planned]:
    """What would be put where, last copied first; changes nothing. A part that was empty then is left as it is now."""
    found = [(part, backup.part(part.name)) for part in reversed(parts)]
    return [Planned(part, kept, part.look(kept, told)) for part, kept in found if kept and kept.pieces]


def check_free(planned: Sequence[Planned], *, yes: bool) -> None:
    """Refuse to write over anything that is not from this backup."""
    taken = [one for one in planned if one.look.state is State.OTHER]
    if taken and not yes:
        told = "; ".join(f"{one.part.name} at {one.part.where} has {one.look.found}" for one in taken)
        raise WrongUse(
            f"These places are not empty: {told}.",
            mend="Restore into an empty place, or add --yes: what is there is then replaced by the backup, and what "
            "the backup does not have is removed. `slipway backup` keeps it first.",
        )


def restore(planned: Sequence[Planned], place: Place, told: Told) -> None:
    """Do it."""
    for one in planned:
        one.part.put_back(one.kept, place, told)
