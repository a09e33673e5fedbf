"""Boxes as somebody drew them, and when two drawings say the same.

Tools write two decimals or shares of a hundred, so a box that nobody moved comes back a little elsewhere: to a part of
a pixel it is *unmoved*. Two people never draw the same pixels: they *agree* where every box of one has its own in the
other, of the same category, track and identity, that covers the same place.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

ROUNDING: Final = 0.05
"""Pixels by which a box that nobody moved may come back elsewhere."""
AGREE: Final = 0.8
"""Overlap (intersection over union) from which two people drew the same box."""
SAME_OBJECT: Final = 0.5
"""The same, from which a box is still about the same object, though it was moved."""
NARROW: Final = 1.5
"""Pixels that no two people are asked to agree about: in a small box they are more than the overlap allows."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A box in pixels from the upper left corner, or a whole image that is of a category."""

    category: str
    x: float
    y: float
    w: float
    h: float
    track: str | None = None
    identity: str | None = None

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.x, self.y, self.x + self.w, self.y + self.h

    @property
    def named(self) -> tuple[str, str | None, str | None]:
        """What it says besides the place."""
        return self.category, self.track, self.identity

    def fills(self, width: int, height: int) -> bool:
        """Whether it is the whole image."""
        wanted = (0.0, 0.0, float(width), float(height))
        return all(abs(one - other) <= ROUNDING for one, other in zip(self.corners, wanted, strict=True))

    def seen(self, width: int, height: int) -> bool:
        """Whether so much of it is in the image that a tool does not round it away."""
        part = self.inside(width, height)
        return min(part.w, part.h) > ROUNDING

    def inside(self, width: int, height: int) -> "Mark":
        """The part of it that the image has, which is what tools show."""
        left, top = min(max(self.x, 0.0), width), min(max(self.y, 0.0), height)
        right, bottom = min(max(self.x + self.w, left), width), min(max(self.y + self.h, top), height)
        return replace(self, x=left, y=top, w=right - left, h=bottom - top)


Marks = Sequence[Mark]
Fits = Callable[[Mark, Mark], bool]


def whole(category: str, width: int, height: int) -> Mark:
    """An image that is of a category."""
    return Mark(category=category, x=0.0, y=0.0, w=float(width), h=float(height))


def unmoved(first: Marks, second: Marks) -> bool:
    """Whether it is the same drawing, but for what a tool rounds."""
    return _all_paired(first, second, _at_the_same_place)


def agree(first: Marks, second: Marks) -> bool:
    """Whether two people say the same."""
    return _all_paired(first, second, lambda one, other: _at_the_same_place(one, other) or _covers(one, other))


def pairs(before: Marks, after: Marks) -> Iterator[tuple[int | None, int]]:
    """For each box of `after` the one of `before` that it was, where there is one: the nearest first, each once."""
    found = sorted(
        (
            (not _at_the_same_place(one, other), one.category != other.category, -overlap(one, other), at, number)
            for at, one in enumerate(before)
            for number, other in enumerate(after)
            if _at_the_same_place(one, other) or overlap(one, other) >= SAME_OBJECT
        ),
    )
    taken: dict[int, int] = {}
    for *_, at, number in found:
        if number not in taken and at not in taken.values():
            taken[number] = at
    for number in range(len(after)):
        yield taken.get(number), number


def overlap(one: Mark, other: Mark) -> float:
    """Intersection over union."""
    (left, top, right, bottom), (x, y, far, low) = one.corners, other.corners
    shared = max(0.0, min(right, far) - max(left, x)) * max(0.0, min(bottom, low) - max(top, y))
    union = one.w * one.h + other.w * other.h - shared
    return shared / union if union > 0 else 0.0


def _at_the_same_place(one: Mark, other: Mark) -> bool:
    return all(abs(first - second) <= ROUNDING for first, second in zip(one.corners, other.corners, strict=True))


def _covers(one: Mark, other: Mark) -> bool:
    apart = max(abs(first - second) for first, second in zip(one.corners, other.corners, strict=True))
    return apart <= NARROW or overlap(one, other) >= AGREE


def _all_paired(first: Marks, second: Marks, fits: Fits) -> bool:
    """Whether each box has one of its own in the other drawing; the best that is left is taken."""
    if len(first) != len(second):
        return False
    left = list(second)
    for one in first:
        fitting = [other for other in left if one.named == other.named and fits(one, other)]
        if not fitting:
            return False
        left.remove(max(fitting, key=lambda other: overlap(one, other)))
    return True
