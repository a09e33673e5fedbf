"""Boxes that were found held against boxes that are there, image by image, the way COCO does it.

In each image and category the found boxes take turns, the surest first, and each takes the free true box that it
overlaps most, if it does so by the threshold. True boxes that do not count (crowds, ignored ones, ones outside of a
range of areas) are taken only where no other fits, and whoever takes one does not count either; nor does a found box
outside the range that took none. A crowd can be taken many times, and overlap with it is measured by the found box.

All images take their turns together, so this is a few array operations for each turn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

THRESHOLDS: Final = np.linspace(0.5, 0.95, 10)
"""Overlaps from which a found box is right."""
AREAS: Final = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Ranges of areas, in pixels, both ends included."""
MOST: Final = 100
"""Found boxes of an image and category that count, the surest."""
AT_ONCE: Final = 4_000_000
"""Cells of the largest array that is made."""
ALMOST_ONE: Final = 1 - 1e-10

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class There:
    """True boxes."""

    unit: Integers
    """The number of each one's image."""
    category: Integers
    boxes: Floats
    """(count, 4): left, top, width, height."""
    area: Floats
    crowd: Flags
    ignored: Flags


@dataclass(frozen=True)
class Found:
    """Boxes that somebody found."""

    unit: Integers
    category: Integers
    boxes: Floats
    score: Floats


@dataclass(frozen=True)
class Matched:
    """What became of the found boxes that count: sorted by category, then the surest first, then by image."""

    line: Integers
    """Their places in what was given."""
    unit: Integers
    category: Integers
    score: Floats
    right: Flags
    """(areas, thresholds, count): it took a true box that counts."""
    counts: Flags
    """(areas, thresholds, count)."""
    wanted: Flags
    """(areas, true boxes): which of them count."""
    taken: npt.NDArray[np.float64]
    """The score of who took each true box at the first threshold, over all areas; NaN where nobody did."""


def match(there: There, found: Found) -> Matched:
    """All of it, at every threshold and range of areas."""
    lines = _counting(found)
    found = Found(found.unit[lines], found.category[lines], found.boxes[lines], found.score[lines])
    areas = np.array(list(AREAS.values()))
    wanted = ~(_outside(there.area, areas) | there.crowd | there.ignored)
    right = np.zeros((len(areas), len(THRESHOLDS), len(lines)), bool)
    counts = np.broadcast_to(~_outside(found.boxes[:, 2] * found.boxes[:, 3], areas)[:, None], right.shape).copy()
    taken = np.full(len(there.unit), np.nan)
    for group in _groups(there, found):
        _take_turns(there, found, group, wanted, right, counts, taken)
    order = np.lexsort((found.unit, -found.score, found.category))
    return Matched(
        lines[order],
        found.unit[order],
        found.category[order],
        found.score[order],
        right[..., order],
        counts[..., order],
        wanted,
        taken,
    )


@dataclass(frozen=True)
class _Group:
    """Images, each with one category, that take their turns together; -1 where one has fewer boxes than another."""

    found: Integers
    """(pairs, turns)"""
    there: Integers
    """(pairs, true boxes)"""


def _counting(found: Found) -> Integers:
    """The lines that count, by image and category, the surest first; of equally sure ones the first in the table."""
    order = np.lexsort((-found.score, found.category, found.unit))
    return order[_rank(found.unit[order], found.category[order]) < MOST]


def _rank(unit: Integers, category: Integers) -> Integers:
    """The place of each line among those of its image and category, which stand together."""
    new = np.ones(len(unit), bool)
    new[1:] = (unit[1:] != unit[:-1]) | (category[1:] != category[:-1])
    begins = np.flatnonzero(new)
    return np.asarray(np.arange(len(unit)) - np.repeat(begins, np.diff([*begins, len(unit)])), np.int64)


def _outside(area: Floats, areas: Floats) -> Flags:
    """(areas, boxes): whether an area is outside of a range."""
    outside: Flags = (area[None] < areas[:, :1]) | (area[None] > areas[:, 1:])
    return outside


def _groups(there: There, found: Found) -> Iterator[_Group]:
    """All images and categories that have found and true boxes, those with alike numbers of true boxes together."""
    width = int(max(there.category.max(initial=0), found.category.max(initial=0))) + 1
    theirs, mine = found.unit * width + found.category, there.unit * width + there.category
    keys, begins, sizes = np.unique(theirs, return_index=True, return_counts=True)
    order = np.argsort(mine, kind="stable")
    first = np.asarray(np.searchsorted(mine[order], keys, "left"), np.int64)
    many = np.asarray(np.searchsorted(mine[order], keys, "right"), np.int64) - first
    pairs = np.flatnonzero(many)
    pairs = pairs[np.lexsort((sizes[pairs], many[pairs]))]
    while len(pairs):
        widest = np.maximum.accumulate(many[pairs])
        cells = np.arange(1, len(pairs) + 1) * widest * max(len(AREAS) * len(THRESHOLDS), MOST)
        take = max(1, int(np.searchsorted(cells, AT_ONCE, "right")))
        chosen, pairs = pairs[:take], pairs[take:]
        yield _Group(_listed(begins[chosen], sizes[chosen]), _listed(first[chosen], many[chosen], order))


def _listed(begins: Integers, sizes: Integers, order: Integers | None = None) -> Integers:
    """Ranges as padded lines."""
    places = np.arange(sizes.max())[None]
    lines = begins[:, None] + places
    inside = places < sizes[:, None]
    if order is not None:
        lines = order[np.minimum(lines, len(order) - 1)]
    return np.where(inside, lines, -1)


def _take_turns(
    there: There, found: Found, group: _Group, wanted: Flags, right: Flags, counts: Flags, taken: Floats
) -> None:
    """One turn after the other; writes to the last three."""
    overlaps = _overlaps(there, found, group)
    limits = np.minimum(THRESHOLDS, ALMOST_ONE)[:, None]
    free = np.broadcast_to((group.there >= 0)[None, :, None], (len(AREAS), len(group.there), len(limits), group.there.shape[1])).copy()  # fmt: skip  # noqa: E501
    wanted_here = wanted[:, group.there] & (group.there >= 0)
    crowd = there.crowd[group.there]
    for turn in range(group.found.shape[1]):
        # Whoever overlaps nothing enough has no say in what follows.
        pairs = np.flatnonzero((group.found[:, turn] >= 0) & (overlaps[:, turn].max(axis=1) >= limits[0, 0]))
        if not len(pairs):
            continue
        overlap = overlaps[pairs, turn][:, None]
        possible = free[:, pairs] & (overlap >= limits)
        first_choice = possible & wanted_here[:, pairs, None]
        has_first = first_choice.any(axis=3)
        choice = np.where(has_first[..., None], first_choice, possible)
        took = choice.any(axis=3)
        # Of equally good ones the last is taken.
        value = np.where(choice, overlap, -1.0)[..., ::-1]
        place = value.shape[3] - 1 - value.argmax(axis=3)
        area, pair, limit = np.nonzero(took)
        chosen = place[area, pair, limit]
        free[area, pairs[pair], limit, chosen] = crowd[pairs[pair], chosen]
        lines = group.found[pairs, turn]
        right[:, :, lines] = has_first.swapaxes(1, 2)
        counts[:, :, lines] = np.where(took, has_first, counts[:, 0, lines][..., None]).swapaxes(1, 2)
        easy = has_first[0, :, 0]
        taken[group.there[pairs[easy], place[0, easy, 0]]] = found.score[lines[easy]]


def _overlaps(there: There, found: Found, group: _Group) -> Floats:
    """(pairs, turns, true boxes); of what is not there, 0."""
    x, y, w, h = (found.boxes[group.found, side][:, :, None] for side in range(4))
    left, top, wide, high = (there.boxes[group.there, side][:, None] for side in range(4))
    across = np.minimum(x + w, left + wide) - np.maximum(x, left)
    down = np.minimum(y + h, top + high) - np.maximum(y, top)
    shared = np.where((across > 0) & (down > 0), across * down, 0.0)
    joined = np.where(there.crowd[group.there][:, None], w * h, w * h + wide * high - shared)
    missing = (group.found < 0)[:, :, None] | (group.there < 0)[:, None]
    return np.where(missing | (joined <= 0), 0.0, shared / np.where(joined > 0, joined, 1.0))
