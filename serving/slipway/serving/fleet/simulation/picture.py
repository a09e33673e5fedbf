"""A picture of a simulation: how many devices ran which release, day by day, as SVG that needs nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Final

from slipway.serving.fleet.simulation.simulating import Outcome

History = Sequence[tuple[float, Mapping[int, int]]]

WIDTH, HEIGHT = 760, 200
LEFT, TOP, PANEL = 56, 64, 300
"""Of each model's panel, one below the other."""
NARROW: Final = 60
"""Between two days on the axis, at least."""
NONE: Final = "#c4c7cc"
COLOURS: Final = ("#1a73e8", "#188038", "#e37400", "#9334e6", "#d93025", "#12858d", "#b06000", "#c2185b")


def picture(outcome: Outcome) -> str:
    """Stacked shares of the releases, a panel for each model."""
    models = sorted({model for one in outcome.history for model in one.active}, reverse=True)
    size = f'width="{WIDTH + LEFT + 32}" height="{TOP + PANEL * max(len(models), 1)}"'
    title = f"{outcome.devices} devices, {outcome.days:.0f} days, seed {outcome.seed}: what ran where"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    said = f'<text x="{LEFT}" y="28" font-size="16">{title}</text>'
    body = [line for place, model in enumerate(models) for line in _panel(outcome, model, TOP + place * PANEL)]
    return "\n".join([head, paper, said, *body, "</svg>", ""])


def _panel(outcome: Outcome, model: str, top: int) -> Iterator[str]:
    history = [(one.steps / outcome.steps, one.active[model]) for one in outcome.history if model in one.active]
    devices = max(sum(active.values()) for _, active in history)
    releases = sorted({number for _, active in history for number in active})
    colours = dict(zip([one for one in releases if one], cycle(COLOURS), strict=False)) | {0: NONE}
    said = f"{model}, {devices} devices; days are wide where much happens"
    yield f'<text x="{LEFT}" y="{top - 8}" fill="#3c4043">{said}</text>'
    below = [0] * len(history)
    for release in releases:
        above = [low + active.get(release, 0) for low, (_, active) in zip(below, history, strict=True)]
        edge = [*_points(history, above, devices, top), *reversed(_points(history, below, devices, top))]
        yield f'<polygon points="{" ".join(edge)}" fill="{colours[release]}"/>'
        below = above
    yield from _axes(outcome, devices, top)
    yield from _legend(colours, releases, top)


def _points(history: History, counts: Sequence[int], devices: int, top: int) -> list[str]:
    return [
        f"{LEFT + share * WIDTH:.1f},{top + HEIGHT - count * HEIGHT / devices:.1f}"
        for (share, _), count in zip(history, counts, strict=True)
    ]


def _axes(outcome: Outcome, devices: int, top: int) -> Iterator[str]:
    bottom = top + HEIGHT
    yield f'<path d="M{LEFT} {top}V{bottom}H{LEFT + WIDTH}" fill="none" stroke="#5f6368"/>'
    yield f'<text x="{LEFT - 8}" y="{top + 10}" text-anchor="end">{devices}</text>'
    yield f'<text x="{LEFT - 8}" y="{bottom}" text-anchor="end">0</text>'
    last = -float(NARROW)
    for one in outcome.history:
        x = WIDTH * one.steps / outcome.steps
        if one.day % 1 == 0 and x - last >= NARROW:
            last = x
            yield f'<path d="M{LEFT + x:.0f} {bottom}v4" stroke="#5f6368"/>'
            yield f'<text x="{LEFT + x:.0f}" y="{bottom + 18}" text-anchor="middle">day {one.day:.0f}</text>'


def _legend(colours: Mapping[int, str], releases: Sequence[int], top: int) -> Iterator[str]:
    for place, release in enumerate(releases):
        x, y = LEFT + place * 84, top + HEIGHT + 30
        name = f"release {release}" if release else "none"
        yield f'<rect x="{x}" y="{y}" width="12" height="12" rx="2" fill="{colours[release]}"/>'
        yield f'<text x="{x + 17}" y="{y + 11}" font-size="12">{name}</text>'
