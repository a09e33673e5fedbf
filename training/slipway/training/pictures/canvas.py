"""A figure that becomes a file: one style for all pictures, whatever the person's own matplotlib settings say."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.runs.workplace import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI: Final = 110
INK: Final = "#1d1f21"
FAINT: Final = "#73777b"
GRID: Final = "#e4e4df"
FILL: Final = "#dce8f5"
COLOURS: Final = ("#1f6fb4", "#d1495b", "#2e8b57", "#e09f3e", "#7a5195", "#5c677d", "#00a5a8", "#a65e2e")
"""Apart for most eyes, also where colours are hard to tell."""
STYLE: Final[dict[str, Any]] = {
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "font.size": 9,
    "grid.color": GRID,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
}


@contextmanager
def drawn(path: Path, width: float, height: float) -> Iterator["Figure"]:
    """A figure of so many inches, which is written to `path` as a whole at the end."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    write_whole(path, buffer.getvalue())


def share_axes(axes: "Axes", horizontal: str, vertical: str) -> None:
    """Both axes from 0 to 1, in a square."""
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=horizontal, ylabel=vertical, aspect="equal")
