"""How losses and metrics went over the steps: one panel for each, training and validation in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from slipway.training.pictures.canvas import COLOURS, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Line = tuple[Sequence[float], Sequence[float]]
"""Steps and values."""
ACROSS: Final = 3
MANY: Final = 60
"""Points from which a line is also shown smoothed."""
SEPARATOR: Final = "/"


def draw_curves(lines: Mapping[str, Line], path: Path) -> Path:
    """Lines named `train/loss`, `validation/accuracy`, …: what has the same name behind the stroke shares a panel."""
    panels: dict[str, dict[str, Line]] = {}
    for name, line in lines.items():
        split, _, what = name.rpartition(SEPARATOR)
        panels.setdefault(what, {})[split] = line
    across = max(1, min(ACROSS, len(panels)))
    down = max(1, -(-len(panels) // across))
    with drawn(path, 3.6 * across, 2.7 * down) as figure:
        places = figure.subplots(down, across, squeeze=False).ravel().tolist()
        for axes, (what, found) in zip(places, panels.items(), strict=False):
            axes.set(title=what, xlabel="step")
            for number, (split, line) in enumerate(sorted(found.items())):
                _draw_line(axes, line, split, COLOURS[number])
            if len(found) > 1 or "" not in found:
                axes.legend(loc="best")
        for axes in places[len(panels) :]:
            axes.remove()
    return path


def _draw_line(axes: "Axes", line: Line, name: str, colour: str) -> None:
    steps, values = (np.asarray(part, np.float64) for part in line)
    if len(values) < MANY:
        axes.plot(steps, values, color=colour, label=name, marker="o", markersize=3, linewidth=1.4)
        return
    axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.7)
    width = max(3, len(values) // 40)
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    axes.plot(steps[width - 1 :], smooth, color=colour, label=name, linewidth=1.6)
