"""What a tool's file says of images, before it is held against a snapshot.

A format that has no place for a track or an identity says nothing of them: what the box was before stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from slipway.platform.data.labels.marks import Mark, Marks, pairs, unmoved

EVERYTHING: Final = frozenset({"track", "identity"})


@dataclass(frozen=True)
class Drawn:
    """A box in a file."""

    mark: Mark
    says: frozenset[str] = EVERYTHING
    """Which of track and identity the file speaks of."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """What somebody says of one image."""

    sample: str
    place: str
    """For messages: the file, and where in it."""
    drawn: tuple[Drawn, ...] | None
    """None: what holds is wrong."""
    author: str = ""
    """As the file names them; empty where it names nobody."""
    at: str = ""
    """When, where the file says so: an ISO moment in UTC."""


@dataclass
class Draft:
    """What a reader found in a file."""

    words: list[Word] = field(default_factory=list)
    silent: int = 0
    """Images of which the file says nothing."""


def marks_of(drawn: Sequence[Drawn], before: Marks, size: tuple[int, int]) -> tuple[Mark, ...]:
    """The boxes, with what the file left unsaid, or cut off at the image's edge, as it was.

    Boxes that lie outside of the image nobody could see: they stay.
    """
    found = [one for one in before if not one.seen(*size)]
    before = [one for one in before if one.seen(*size)]
    shown = [one.inside(*size) for one in before]
    for at, number in pairs(shown, [one.mark for one in drawn]):
        one, mark = drawn[number], drawn[number].mark
        if at is not None:
            known = before[at]
            mark = replace(mark, **{name: getattr(known, name) for name in EVERYTHING - one.says})
            there = replace(shown[at], category=mark.category, track=mark.track, identity=mark.identity)
            if unmoved([there], [mark]):
                mark = replace(mark, x=known.x, y=known.y, w=known.w, h=known.h)
        found.append(mark)
    return tuple(found)
