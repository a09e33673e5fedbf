"""A picture of what moved: each measure in the field beside its reference, as a PNG.

The bars are the parts between the reference's quantiles, which hold about the same share each in the reference: what
stands out in the field is where it went.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from slipway.pipelines.watching.telling import measure_words, moved_words
from slipway.platform.runs.workplace import write_whole
from slipway.serving.edge.telemetry.distributions import Expected

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from slipway.pipelines.watching.drift import Day, Judged, Moved

REFERENCE: Final = "#73777b"
FIRST: Final = "#9cc3e6"
FIELD: Final = "#1f6fb4"
DRIFT: Final = "#d1495b"
COLUMNS: Final = 2
MOST: Final = 12
DPI: Final = 110
WIDE, HIGH, TITLE = 5.6, 2.5, 0.8
"""Inches of one measure, and above all of them."""


def draw(
    path: Path,
    title: str,
    judged: "Judged",
    expected: Mapping[str, Expected],
    days: "tuple[Sequence[Day], Sequence[Day]]",
) -> None:
    """Write the picture; `days` are the latest and the first ones."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = judged.moved[:MOST]
    rows = max(1, -(-len(shown) // COLUMNS))
    with style.context("default"):
        high = rows * HIGH + TITLE
        figure = Figure(figsize=(COLUMNS * WIDE, high), dpi=DPI)
        figure.subplots_adjust(left=0.04, right=0.99, bottom=0.6 / high, top=1 - TITLE / high, wspace=0.1, hspace=0.75)
        FigureCanvasAgg(figure)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        for place, one in enumerate(shown):
            _measure(figure.add_subplot(rows, COLUMNS, place + 1), one, expected[one.measure], days)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())


def _measure(axes: "Axes", one: "Moved", expected: Expected, days: "tuple[Sequence[Day], Sequence[Day]]") -> None:
    field, first = (shares_of(one.measure, len(expected.shares), some) for some in days)
    bars = [("reference", expected.shares, REFERENCE)]
    bars += [("at first", first, FIRST)] if first is not None else []
    bars += [("now", field, DRIFT if one.sure else FIELD)] if field is not None else []
    width = 0.8 / len(bars)
    places = np.arange(len(expected.shares))
    for number, (label, shares, colour) in enumerate(bars):
        axes.bar(places + (number - (len(bars) - 1) / 2) * width, shares, width, label=label, color=colour)
    edges = [f"{edge:.3g}" for edge in expected.edges]
    axes.set_xticks(places[:-1] + 0.5, edges, fontsize=6, rotation=45)
    axes.set_title(measure_words(one.measure), loc="left", fontsize=10)
    axes.set_xlabel(moved_words(one).partition(": ")[2] if one.sure else "", fontsize=7, color=DRIFT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)


def shares_of(measure: str, parts: int, days: "Sequence[Day]") -> "np.ndarray[tuple[int], np.dtype[np.float64]] | None":
    """Shares over all devices and days, each device's day the same; None where nothing was seen."""
    found = [np.asarray(its[measure], np.float64) for day in days for its in day.values() if measure in its]
    fitting = [one / one.sum() for one in found if len(one) == parts and one.sum()]
    return np.mean(fitting, axis=0) if fitting else None
