"""What two sides say of one sample that cannot both hold, in words that a person can decide by."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from slipway.platform.data.columns import Ints, take, where, within
from slipway.platform.data.merge_rows import OURS, THEIRS, Rows, Tables

NOTHING: Final = "-"
TOLD: Final = ("category", "identity", "track", "x", "y", "w", "h", "occlusion", "label_state", "author", "extra")

Box = dict[str, Any]


@dataclass(frozen=True)
class Conflict:
    """One value with its two sides. `about` is a sample or an identity, `what` a column, `labels` or `removed`."""

    about: str
    source: str | None
    what: str
    ours: str
    theirs: str


def value_conflicts(rows: Rows, keys: Ints, column: str, name: str) -> list[Conflict]:
    """Two values in one column."""
    ours, theirs = (_values(rows, column, keys, side) for side in (OURS, THEIRS))
    abouts = _values(rows, name, keys, OURS)
    sources = _values(rows, "source", keys, OURS) if name == "sample" else [None] * len(keys)
    return [
        Conflict(str(about), source, column, _word(first), _word(second))
        for about, source, first, second in zip(abouts, sources, ours, theirs, strict=True)
    ]


def label_conflicts(rows: Rows, keys: Ints, boxes: Tables) -> list[Conflict]:
    """Two sets of boxes."""
    if not len(keys):
        return []
    abouts, sources = _values(rows, "sample", keys, OURS), _values(rows, "source", keys, OURS)
    first, second = (_boxes(boxes[side], abouts) for side in (OURS, THEIRS))
    states = [_values(rows, "label_state", keys, side) for side in (OURS, THEIRS)]
    return [
        Conflict(str(about), source, "labels", *_labels(first.get(str(about), []), second.get(str(about), []), both))
        for about, source, both in zip(abouts, sources, zip(*states, strict=True), strict=True)
    ]


def removal_conflicts(rows: Rows, keys: Ints) -> list[Conflict]:
    """Removed by one side, changed by the other."""
    found = []
    for key in keys:
        side = OURS if rows.positions[OURS][key] >= 0 else THEIRS
        told = ("changed", "removed") if side == OURS else ("removed", "changed")
        (about,) = _values(rows, "sample", np.array([key]), side)
        (source,) = _values(rows, "source", np.array([key]), side)
        found.append(Conflict(str(about), source, "removed", *told))
    return found


def _values(rows: Rows, column: str, keys: Ints, side: int) -> list[str | None]:
    table = rows.tables[side]
    if column not in table.column_names:
        return [None] * len(keys)
    values: list[str | None] = take(table.select([column]), rows.positions[side][keys])[column].to_pylist()
    return values


def _boxes(boxes: pa.Table, samples: list[str | None]) -> dict[str, list[Box]]:
    """The boxes of some samples."""
    found: dict[str, list[Box]] = {}
    for row in where(boxes, within(boxes["sample"], [str(sample) for sample in samples])).to_pylist():
        found.setdefault(row["sample"], []).append(row)
    return found


def _labels(ours: list[Box], theirs: list[Box], states: tuple[str | None, str | None]) -> tuple[str, str]:
    """Both labels in short; where that is the same, the boxes that differ in full."""
    names = Counter(map(_name, ours)), Counter(map(_name, theirs))
    if names[0] == names[1] and states[0] == states[1]:
        return _details(ours, theirs), _details(theirs, ours)
    both = names[0] & names[1]
    return _label(ours, names[0] - both, both.total(), states[0]), _label(
        theirs, names[1] - both, both.total(), states[1]
    )


def _label(boxes: list[Box], names: Counter[str], shared: int, state: str | None) -> str:
    """`2 car, 1 van, 3 as the other side (human, by ada)`."""
    told = [f"{number} {name}" for name, number in sorted(names.items())]
    told += [f"{shared} as the other side"] if shared else []
    authors = sorted({box["author"] for box in boxes if box["author"]})
    by = f", by {' and '.join(authors)}" if authors else ""
    return f"{', '.join(told) or 'no boxes'} ({state}{by})"


def _details(boxes: list[Box], others: list[Box]) -> str:
    """What one side's boxes say that the other's do not, in the columns that tell them apart."""
    only = [box for box in boxes if box not in others]
    against = [box for box in others if box not in boxes]
    apart = [name for name in TOLD if [box[name] for box in only] != [box[name] for box in against]]
    return "; ".join(f"{_name(box)}: {', '.join(f'{name} {_word(box[name])}' for name in apart)}" for box in only)


def _name(box: Box) -> str:
    return " ".join(str(box[name]) for name in ("category", "identity") if box[name])


def _word(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return NOTHING if value is None else str(value)
