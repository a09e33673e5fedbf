"""The demo's picture of its rollouts: which release ran on which device, and when it was decided what."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

COLOURS: Final = ("#4c78a8", "#59a14f", "#e15759", "#b07aa1", "#f28e2b", "#76b7b2")
SIZE: Final = (9.0, 3.2)
DPI: Final = 150
DECIDED: Final[Mapping[str, str]] = {"release": "{} begins", "advance": "goes on", "rollback": "{} is undone"}
"""By action of the ledger."""
AHEAD: Final = 0.25
"""Minutes before the first device ran something."""


def draw_rollout(
    ran: Sequence[Mapping[str, Any]], decided: Sequence[Mapping[str, Any]], title: str, path: Path
) -> None:
    """A line for each device, a bar for each release that it ran, a mark for each decision."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = [one for one in ran if one["release"]]
    devices = sorted({one["device"] for one in bars}, reverse=True)
    first, now = min(one["begin"] for one in bars), datetime.now(UTC).isoformat()
    for one in bars:
        left, right = minutes(one["begin"], first), minutes(one["end"] or now, first)
        place = devices.index(one["device"])
        axes.barh(
            place, right - left, left=left, height=0.6, color=COLOURS[(one["release"] - 1) % len(COLOURS)], zorder=2
        )
        middle = left + (right - left) / 2
        axes.text(middle, place, str(one["release"]), ha="center", va="center", color="white", fontsize=9)
    for one in decided:
        at = minutes(one["at"], first)
        axes.axvline(at, color="#555555", linewidth=0.8, linestyle=":", zorder=3)
        told = DECIDED[one["action"]].format(one["subjects"]["release"])
        axes.text(at, len(devices) - 0.45, told, rotation=40, ha="left", va="bottom", fontsize=7, color="#555555")
    axes.set_xlim(-AHEAD, minutes(now, first))
    axes.set_ylim(-0.5, len(devices) - 0.5)
    axes.set_yticks(range(len(devices)), devices)
    axes.set_xlabel("minutes")
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def minutes(moment: str, first: str) -> float:
    """From the first one on."""
    return (datetime.fromisoformat(moment) - datetime.fromisoformat(first)).total_seconds() / 60
