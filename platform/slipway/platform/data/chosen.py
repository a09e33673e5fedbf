"""What changed between two snapshots for somebody who looks at them through a view, and learns from labels.

Rows are the images that the view chooses. A row is *labelled* where its label can be learned from; `disputed` ones
cannot. What only a person's name or a state within the labelled ones changed is no other label. Both snapshots are
looked at through the same view, today's: a view that chooses more than it did is no change of the data.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from slipway.platform.data.columns import texts, where, within
from slipway.platform.data.diff import Difference, diff
from slipway.platform.data.errors import DataError
from slipway.platform.data.schema import BY_PEOPLE, LEARNED
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.view import View

SAID: Final = frozenset({"category", "identity", "track", "occlusion"})
"""What of a box is its label, besides its place."""
STATE: Final = "label_state"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """In numbers."""

    added: int = 0
    """With a label."""
    removed: int = 0
    """Which had one."""
    relabelled: int = 0
    """Rows of both that say something else now, or had no label."""
    by_people: int = 0
    """Of those added and relabelled, how many a person labelled or reviewed."""
    unlabelled: int = 0
    """Added without a label."""
    confirmed: int = 0
    """Whose label somebody reviewed, or took back to that, and left as it was."""
    elsewhere: int = 0
    """Rows added, removed or changed that the view does not choose."""


def rows_between(before: Snapshot, after: Snapshot, view: View) -> Rows:
    """Compare what the view chooses of both."""
    if before.digest == after.digest:
        return Rows()
    found = diff(before, after)
    old, new = _states(before, view), _states(after, view)
    known, labelled = ({sample for sample, state in one.items() if state in LEARNED} for one in (old, new))
    added = new.keys() - old.keys()
    relabelled = _relabelled(found) & old.keys() & new.keys()
    touched = {*found.relabelled, *texts(found.changes["sample"])}
    gained = (added & labelled) | relabelled
    return Rows(
        added=len(added & labelled),
        removed=len(known - new.keys()),
        relabelled=len(relabelled),
        by_people=sum(new[sample] in BY_PEOPLE for sample in gained),
        unlabelled=len(added - labelled),
        confirmed=len((_restated(found) & old.keys() & new.keys()) - relabelled),
        elsewhere=len({*_samples(found.added), *_samples(found.removed), *touched} - old.keys() - new.keys()),
    )


def _states(snapshot: Snapshot, view: View) -> dict[str, str]:
    """The label state of every image that the view chooses; none where it chooses none yet."""
    try:
        chosen = view.select(snapshot.index)
    except DataError:
        return {}
    return dict(zip(_samples(chosen), texts(chosen[STATE]), strict=True))


def _relabelled(found: Difference) -> set[str]:
    """Images that say something else: boxes came, went or moved, or mean something else, or can be learned from now."""
    boxes = where(found.changes, within(found.changes["column"], SAID))
    tables = (found.boxes_added, found.boxes_removed, found.moved, boxes)
    crossed = {sample for sample, before, after in _state_changes(found) if (before in LEARNED) != (after in LEARNED)}
    return {sample for table in tables for sample in _samples(table)} | crossed


def _restated(found: Difference) -> set[str]:
    return {sample for sample, _, _ in _state_changes(found)}


def _state_changes(found: Difference) -> Iterable[tuple[str, str, str]]:
    changes = where(found.changes, within(found.changes["column"], [STATE]))
    return zip(*(texts(changes[name]) for name in ("sample", "before", "after")), strict=True)


def _samples(table: pa.Table) -> list[str]:
    return list(texts(table["sample"]))
