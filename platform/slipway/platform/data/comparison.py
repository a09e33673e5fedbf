"""A difference as plain values: everything for scripts, the first rows for a person."""

from collections.abc import Sequence
from itertools import chain, islice
from typing import Any, Final

from slipway.platform.data.diff import Difference
from slipway.platform.data.shift import Shift

SHORT: Final = 12
GIST: Final = ("sample", "source", "split", "site", "camera", "day")
BOX: Final = ("sample", "category", "identity", "track", "x", "y", "w", "h", "author")


def as_data(difference: Difference, shifts: Sequence[Shift]) -> dict[str, Any]:
    """All of it."""
    return {
        "before": difference.before.digest,
        "after": difference.after.digest,
        "counts": dict(difference.counts),
        "added": difference.added.select(GIST).to_pylist(),
        "removed": difference.removed.select(GIST).to_pylist(),
        "relabelled": difference.relabelled,
        "boxes_added": difference.boxes_added.select(BOX).to_pylist(),
        "boxes_removed": difference.boxes_removed.select(BOX).to_pylist(),
        "moved": difference.moved.to_pylist(),
        "changes": difference.changes.to_pylist(),
        "identities_added": difference.identities_added["identity"].to_pylist(),
        "identities_removed": difference.identities_removed["identity"].to_pylist(),
        "shifts": [
            {
                "column": one.column,
                "distance": one.distance,
                "chance": one.chance,
                "shifted": one.shifted,
                "before": dict(one.before),
                "after": dict(one.after),
            }
            for one in shifts
        ],
    }


def as_rows(difference: Difference, limit: int) -> list[list[str]]:
    """Sample, source, what, before, after: changed values first, the rest by how many there are."""
    changed = difference.changes.slice(0, limit).to_pylist()
    whole = (
        (difference.boxes_removed, "box removed", True),
        (difference.boxes_added, "box added", False),
        (difference.removed, "image removed", True),
        (difference.added, "image added", False),
    )
    told = (_change(row) for row in chain(changed, difference.moved.slice(0, limit).to_pylist()))
    lists = [
        [_whole(row, what, gone=gone) for row in table.slice(0, limit).to_pylist()]
        for table, what, gone in sorted(whole, key=lambda one: -one[0].num_rows)
    ]
    return list(islice(chain(told, *lists), limit))


def _change(row: dict[str, Any]) -> list[str]:
    what = f"{row['subject']} {row['column']}"
    return [row["sample"][:SHORT], row["source"] or "-", what, row["before"] or "-", row["after"] or "-"]


def _whole(row: dict[str, Any], what: str, *, gone: bool) -> list[str]:
    told = " ".join(str(row[name]) for name in ("category", "identity", "split", "camera", "day") if row.get(name))
    return [row["sample"][:SHORT], row.get("source") or "-", what, *([told, "-"] if gone else ["-", told])]
