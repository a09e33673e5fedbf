"""Taking a backup, and looking whether one is whole."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from slipway.pipelines.backup.objects import each
from slipway.pipelines.backup.part import Part
from slipway.pipelines.backup.place import Place
from slipway.pipelines.backup.records import Backup
from slipway.pipelines.backup.telling import Told
from slipway.platform.errors import WrongUse


def take(
    parts: Sequence[Part],
    place: Place,
    told: Told,
    *,
    context: str,
    without: Collection[str],
    now: Callable[[], datetime],
) -> tuple[str, Backup]:
    """Copy every part in its turn, then write the record; the backup's name.

    Whoever is killed leaves content without a record, which the next backup uses.
    """
    begun = now()
    kept = tuple([part.keep(place, told) for part in parts])
    if not any(one.pieces for one in kept):
        raise WrongUse(
            f"There is nothing to copy: no part of the context `{context}` has anything in it.",
            mend="Run this in the project, or name its context with --context.",
        )
    backup = Backup(begun=begun, ended=now(), context=context, without=tuple(sorted(without)), parts=kept)
    return place.finish(backup), backup


def troubles(backup: Backup, place: Place, told: Told) -> list[str]:
    """What is wrong with the content of a backup: missing, cut off or changed. All of it is read."""
    sizes = backup.pieces
    told.expect("checking", len(sizes))
    return [one for one in each(lambda digest: place.trouble(digest, sizes[digest]), sorted(sizes), told) if one]
