"""A picture of a simulation: how many devices ran which release, day by day, as SVG that needs nothing else."""

from collections.abc import Iterator, Sequence
from typing import Final

from slipway.serving.fleet.simulation.simulating import Outcome, Progress

WIDTH, HEIGHT = 760, 240
LEFT, TOP = 48, 40
COLOURS: Final = ("#9aa0a6", "#1a73e8", "#188038", "#e37400", "#9334e6", "#d93025", "#12858d", "#b06000")
"""Of none, and of releases by their number."""


def picture(outcome: Outcome) -> str:
    """Stacked shares of the releases."""
    releases = sorted({number for one in outcome.history for number in one.active})
    body = [*_areas(outcome, releases), *_axes(outcome), *_legend(releases)]
    size = f'width="{WIDTH + LEFT + 24}" height="{HEIGHT + TOP + 72}"'
    title = f"{outcome.devices} devices, {outcome.days:g} days, seed {outcome.seed}: what ran where"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, paper, f'<text x="{LEFT}" y="24" font-size="15">{title}</text>', *body, "</svg>", ""])


def _areas(outcome: Outcome, releases: Sequence[int]) -> Iterator[str]:
    history = outcome.history
    below = [0] * len(history)
    for release in releases:
        above = [low + one.active.get(release, 0) for low, one in zip(below, history, strict=True)]
        line = [*_points(outcome, history, above), *reversed(_points(outcome, history, below))]
        yield f'<polygon points="{" ".join(line)}" fill="{_colour(release)}"/>'
        below = above


def _points(outcome: Outcome, history: Sequence[Progress], counts: Sequence[int]) -> list[str]:
    across, up = WIDTH / max(outcome.days, 1), HEIGHT / outcome.devices
    return [
        f"{LEFT + one.day * across:.1f},{TOP + HEIGHT - count * up:.1f}"
        for one, count in zip(history, counts, strict=True)
    ]


def _axes(outcome: Outcome) -> Iterator[str]:
    bottom = TOP + HEIGHT
    yield f'<path d="M{LEFT} {TOP}V{bottom}H{LEFT + WIDTH}" fill="none" stroke="#5f6368"/>'
    yield f'<text x="{LEFT - 8}" y="{TOP + 5}" text-anchor="end">{outcome.devices}</text>'
    yield f'<text x="{LEFT - 8}" y="{bottom + 5}" text-anchor="end">0</text>'
    for part in range(5):
        x, day = LEFT + WIDTH * part / 4, outcome.days * part / 4
        yield f'<text x="{x:.0f}" y="{bottom + 20}" text-anchor="middle">day {day:.0f}</text>'


def _legend(releases: Sequence[int]) -> Iterator[str]:
    for place, release in enumerate(releases):
        x, y = LEFT + place * 104, TOP + HEIGHT + 40
        name = f"release {release}" if release else "none yet"
        yield f'<rect x="{x}" y="{y}" width="13" height="13" fill="{_colour(release)}"/>'
        yield f'<text x="{x + 19}" y="{y + 11}">{name}</text>'


def _colour(release: int) -> str:
    return COLOURS[release % len(COLOURS)]
