"""Charts as inline SVG: curves by step, and values with their intervals. Pure functions from numbers to text.

Colours are classes (`run0`, `run1`, …) that the page defines for light, dark and paper; each run has a dash pattern as
well, so that a black and white print can be read. Long curves are drawn as the mean of their buckets over the band from
the least to the greatest.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 460
HEIGHT: Final = 250
LEFT: Final = 58
RIGHT: Final = 12
TOP: Final = 12
BOTTOM: Final = 30
BUCKETS: Final = 240
LOGARITHMIC: Final = 30.0
"""A ratio of greatest to least from which a positive curve is drawn on a logarithmic axis."""
DASHES: Final = ("", "7 3", "2 2", "9 3 2 3", "4 4", "1 3")
WIDE: Final = 960
NAMES: Final = 210
"""Room for the names of lines."""
LINE: Final = 24
"""Height of one line of intervals."""


@dataclass(frozen=True)
class Curve:
    """One run's points of one metric, by step."""

    run: int
    name: str
    steps: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True)
class Bucket:
    """Neighbouring points as one."""

    step: float
    mean: float
    least: float
    greatest: float


@dataclass(frozen=True)
class Axis:
    """From values to places."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Where a value is."""
        low, high, found = (math.log10(one) if self.logarithmic else one for one in (self.low, self.high, value))
        share = 0.5 if high == low else (found - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values on the way, some three to seven."""
        if self.logarithmic:
            exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1.0, 2.0, 5.0) if len(exponents) <= 3 else (1.0,)  # noqa: PLR2004 - decades that have room
            found = [factor * 10.0**exponent for exponent in exponents for factor in steps]
        else:
            step = round_step((self.high - self.low) / 5) if self.high > self.low else 1.0
            found = [index * step for index in range(math.floor(self.low / step), math.ceil(self.high / step) + 1)]
        margin = abs(self.high - self.low) * 1e-9
        return [tick for tick in found if self.low - margin <= tick <= self.high + margin]


def curve_chart(metric: str, curves: Sequence[Curve]) -> str:
    """The curves of one metric."""
    drawn = [(curve, bucketed(curve)) for curve in curves]
    buckets = [bucket for _, found in drawn for bucket in found]
    if not buckets:
        return ""
    steps = Axis(min(one.step for one in buckets), max(one.step for one in buckets), LEFT, WIDTH - RIGHT)
    least, greatest = min(one.least for one in buckets), max(one.greatest for one in buckets)
    logarithmic = least > 0 and greatest / least >= LOGARITHMIC
    values = Axis(least, greatest, HEIGHT - BOTTOM, TOP, logarithmic)
    parts = [*_grid(steps, values)]
    for curve, found in drawn:
        parts += _curve(curve, found, steps, values)
    return _svg(WIDTH, HEIGHT, f"{metric} by step", parts)


def interval_chart(rows: Sequence[tuple[str, Sequence[tuple[int, str, float, float | None, float | None]]]]) -> str:
    """Labelled lines, each with values and intervals of some runs: (run, name, value, low, high)."""
    found = [bound for _, marks in rows for mark in marks for bound in mark[2:] if bound is not None]
    if not found:
        return ""
    left, most = NAMES, max(len(marks) for _, marks in rows)
    each = LINE + 10 * (most - 1)
    height = TOP + each * len(rows) + BOTTOM
    axis = Axis(min(found), max(found), left, WIDE - 2 * RIGHT)
    parts = [_vertical(axis.at(tick), TOP, height - BOTTOM, label(tick)) for tick in axis.ticks()]
    for line, (name, marks) in enumerate(rows):
        middle = TOP + each * (line + 0.5)
        parts.append(f'<text class="name" x="{left - 10}" y="{middle + 4:.1f}">{escape(shortened(name))}</text>')
        for place, (run, who, value, low, high) in enumerate(marks):
            y = middle + 10 * (place - (len(marks) - 1) / 2)
            parts.append(_whisker(axis, y, run, who, (value, low, high)))
    return _svg(WIDE, round(height), "values with their 95 % intervals", parts)


def bucketed(curve: Curve) -> list[Bucket]:
    """The curve in at most `BUCKETS` pieces; what is no number is left out."""
    points = [(step, value) for step, value in zip(curve.steps, curve.values, strict=True) if math.isfinite(value)]
    size = max(1, -(-len(points) // BUCKETS))
    found = []
    for start in range(0, len(points), size):
        some = points[start : start + size]
        values = [value for _, value in some]
        middle = sum(step for step, _ in some) / len(some)
        found.append(Bucket(middle, math.fsum(values) / len(values), min(values), max(values)))
    return found


def round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def label(value: float) -> str:
    """A tick's number, short."""
    return f"{value / 1000:g}k" if abs(value) >= 10_000 and value % 100 == 0 else f"{value:.4g}"  # noqa: PLR2004


def shortened(text: str, most: int = 28) -> str:
    """A name that has room."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _curve(curve: Curve, found: Sequence[Bucket], steps: Axis, values: Axis) -> Iterator[str]:
    if not found:
        return
    if any(one.least < one.greatest for one in found):
        above = [f"{steps.at(one.step):.1f},{values.at(one.greatest):.1f}" for one in found]
        below = [f"{steps.at(one.step):.1f},{values.at(one.least):.1f}" for one in reversed(found)]
        yield f'<polygon class="band run{curve.run}" points="{" ".join([*above, *below])}"/>'
    points = " ".join(f"{steps.at(one.step):.1f},{values.at(one.mean):.1f}" for one in found)
    dash = f' stroke-dasharray="{DASHES[curve.run % len(DASHES)]}"' if curve.run % len(DASHES) else ""
    title = f"<title>{escape(curve.name)}: {found[-1].mean:.4g} at step {found[-1].step:,.0f}</title>"
    if len(found) == 1:
        x, y = points.split(",")
        yield f'<circle class="mark run{curve.run}" cx="{x}" cy="{y}" r="4">{title}</circle>'
    yield f'<polyline class="line run{curve.run}"{dash} points="{points}">{title}</polyline>'


def _whisker(axis: Axis, y: float, run: int, who: str, bounds: tuple[float, float | None, float | None]) -> str:
    value, low, high = bounds
    told = f"{value:.4f}" + ("" if low is None or high is None else f" (95 % from {low:.4f} to {high:.4f})")
    parts = [f"<title>{escape(who)}: {told}</title>"]
    if low is not None and high is not None:
        start, end = axis.at(low), axis.at(high)
        parts.append(f'<line class="line run{run}" x1="{start:.1f}" x2="{end:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(f'<circle class="mark run{run}" cx="{axis.at(value):.1f}" cy="{y:.1f}" r="4"/>')
    return f"<g>{''.join(parts)}</g>"


def _grid(steps: Axis, values: Axis) -> Iterator[str]:
    for tick in values.ticks():
        y = values.at(tick)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick end" x="{LEFT - 6}" y="{y + 4:.1f}">{label(tick)}</text>'
    for tick in steps.ticks():
        yield _vertical(steps.at(tick), TOP, HEIGHT - BOTTOM, label(tick))


def _vertical(x: float, top: float, bottom: float, text: str) -> str:
    line = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom:.1f}"/>'
    return f'{line}<text class="tick" x="{x:.1f}" y="{bottom + 16:.1f}">{text}</text>'


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
    return f"{head}{''.join(parts)}</svg>"
