"""The figures of the page: rows of dots with their intervals, bars with a limit, and a curve.

Rows are made of boxes, which fold to the width of a phone with letters that can still be read; only the curve is SVG.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, sqrt
from typing import Final

SIDE: Final = 260
EDGE: Final = 30
LEAST_DOT: Final = 1.5
MORE_DOT: Final = 6.5


@dataclass(frozen=True)
class Dot:
    """A value with its interval; `kind` says whose it is, as the style names it."""

    value: float
    low: float | None = None
    high: float | None = None
    kind: str = "first"


@dataclass(frozen=True)
class Row:
    """What is said of one thing."""

    name: str
    dots: tuple[Dot, ...]
    number: str
    remark: str = ""


@dataclass(frozen=True)
class Bar:
    """An amount with the most that it may be."""

    name: str
    value: float
    limit: float
    unit: str


def legend(kinds: Mapping[str, str]) -> str:
    """What each kind of dot stands for."""
    told = "".join(f'<span><i class="{escape(kind)}"></i>{escape(words)}</span>' for kind, words in kinds.items())
    return f'<div class="legend">{told}</div>'


def rows_of_dots(rows: Sequence[Row]) -> str:
    """Rows on one scale, which ends where the values do."""
    low, high = scale(one for row in rows for dot in row.dots for one in (dot.value, dot.low, dot.high))
    body = "".join(_row(row, low, high) for row in rows)
    return f'<div class="bars">{body}<div class="axis"><span>{low:g}</span><span>{high:g}</span></div></div>'


def scale(values: Iterable[float | None]) -> tuple[float, float]:
    """Tenths around all values."""
    found = [one for one in values if one is not None]
    low, high = floor(min(found, default=0.0) * 10) / 10, ceil(max(found, default=1.0) * 10) / 10
    return (low, high) if high > low else (low, low + 0.1)


def bars(amounts: Sequence[Bar]) -> str:
    """Amounts, each against its own limit."""
    return f'<div class="bars">{"".join(map(_bar, amounts))}</div>'


def reliability(stated: Sequence[float], right: Sequence[float], rows: Sequence[float], name: str) -> str:
    """How often one is right, over how sure one is; on the diagonal confidence means what it says.

    A dot's area goes with its rows, so that a bin of two rows is not taken for one of a thousand.
    """
    points = [(_across(one), _up(other)) for one, other in zip(stated, right, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    sizes = [LEAST_DOT + MORE_DOT * sqrt(one / max(rows, default=1)) for one in rows]
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="var(--first)"/>'
        for (x, y), size in zip(points, sizes, strict=True)
    )
    ticks = "".join(
        f'<text x="{_across(one):.1f}" y="{SIDE - 8}" text-anchor="middle">{one:g}</text>'
        f'<text x="{EDGE - 6}" y="{_up(one) + 4:.1f}" text-anchor="end">{one:g}</text>'
        for one in (0, 0.5, 1)
    )
    diagonal = f"M{_across(0):.1f},{_up(0):.1f}L{_across(1):.1f},{_up(1):.1f}"
    return (
        f'<svg viewBox="0 0 {SIDE + 10} {SIDE}" role="img" aria-label="{escape(name)}">'
        f'<path d="{diagonal}" stroke="var(--soft)" stroke-dasharray="4 4" fill="none"/>'
        f'<polyline points="{line}" stroke="var(--first)" stroke-width="1" fill="none"/>{dots}{ticks}</svg>'
    )


def _across(share: float) -> float:
    return EDGE + share * (SIDE - 2 * EDGE + 20)


def _up(share: float) -> float:
    return SIDE - EDGE - share * (SIDE - 2 * EDGE + 20)


def _row(row: Row, low: float, high: float) -> str:
    def place(value: float) -> float:
        return 100 * (value - low) / (high - low)

    parts = []
    for dot in row.dots:
        if dot.low is not None and dot.high is not None:
            width = place(dot.high) - place(dot.low)
            parts.append(
                f'<span class="range {dot.kind}" style="left:{place(dot.low):.2f}%;width:{width:.2f}%"></span>'
            )
        parts.append(f'<span class="dot {dot.kind}" style="left:{place(dot.value):.2f}%"></span>')
    alone = "" if any(dot.kind == "second" for dot in row.dots) else " single"
    remark = f' <span class="soft">{escape(row.remark)}</span>' if row.remark else ""
    return (
        f'<div class="name">{escape(row.name)}{remark}</div><div class="track{alone}">{"".join(parts)}</div>'
        f'<div class="number">{escape(row.number)}</div>'
    )


def _bar(bar: Bar) -> str:
    most = max(bar.value, bar.limit) * 1.05
    over = " over" if bar.value > bar.limit else ""
    return (
        f'<div class="name">{escape(bar.name)}</div><div class="track">'
        f'<span class="fill{over}" style="width:{100 * bar.value / most:.2f}%"></span>'
        f'<span class="limit" style="left:{100 * bar.limit / most:.2f}%"></span></div>'
        f'<div class="number">{bar.value:.3g} of {bar.limit:g} {escape(bar.unit)}</div>'
    )
