"""Moments as places on a line of time: per cent of its width, so that a picture fits every screen without a script."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

SHORTEST: Final = timedelta(minutes=10)
"""A picture shows at least so much."""
TICKS: Final = 5
DAY, SEASON = timedelta(days=1), timedelta(days=90)
STEPS: Final = tuple(
    timedelta(minutes=minutes)
    for minutes in (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 10_080, 20_160, 43_200, 129_600, 525_600)
)


@dataclass(frozen=True)
class Span:
    """A part of a lane."""

    kind: str
    """`done`, `now`, `undone`, `ahead` or `held`, for its colour."""
    begin: float
    wide: float
    told: str


@dataclass(frozen=True)
class Tick:
    """A moment below the lanes."""

    at: float
    told: str
    anchor: str


@dataclass(frozen=True)
class Line:
    """From one moment to another."""

    begin: datetime
    end: datetime

    def at(self, moment: datetime) -> float:
        """Per cent of the width."""
        return round(100 * min(max((moment - self.begin) / (self.end - self.begin), 0.0), 1.0), 2)

    def span(self, kind: str, begin: datetime, end: datetime, told: str) -> Span:
        """A part of it, wide enough to be seen."""
        first, last = self.at(begin), self.at(end)
        return Span(kind, min(first, 99.3), max(round(last - first, 2), 0.7), told)


def ticks(line: Line) -> Iterator[Tick]:
    """Full hours, days or weeks, a handful."""
    step = next((one for one in STEPS if (line.end - line.begin) / one <= TICKS), STEPS[-1])
    size = int(step.total_seconds())
    second = -int(-line.begin.timestamp() // size) * size
    while second <= line.end.timestamp():
        at = datetime.fromtimestamp(second, UTC)
        place = line.at(at)
        told = f"{at:%d %b %H:%M}" if step < DAY else f"{at:%d %b}" if step < SEASON else f"{at:%b %Y}"
        anchor = "start" if place < 12 else "end" if place > 88 else "middle"  # noqa: PLR2004 - per cent
        yield Tick(place, told, anchor)
        second += size
