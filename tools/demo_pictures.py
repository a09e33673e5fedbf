"""The demo's picture of its rollouts: which release ran on which device, and when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

COLOURS: Final = ("#4c78a8", "#59a14f", "#e15759", "#b07aa1", "#f28e2b", "#76b7b2")
SIZE: Final = (9.0, 2.6)
DPI: Final = 150


def draw_rollout(ran: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """A line for each device, a bar for each release that it ran."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    devices = sorted({one["device"] for one in ran}, reverse=True)
    first, now = min(one["begin"] for one in ran), datetime.now(UTC)
    for one in ran:
        if not one["release"]:
            continue
        left = minutes(one["begin"], first)
        width = (minutes(one["end"], first) if one["end"] else minutes(now.isoformat(), first)) - left
        place = devices.index(one["device"])
        axes.barh(place, width, left=left, height=0.6, color=COLOURS[(one["release"] - 1) % len(COLOURS)])
        axes.text(left + width / 2, place, str(one["release"]), ha="center", va="center", color="white", fontsize=9)
    axes.set_yticks(range(len(devices)), devices)
    axes.set_xlabel("minutes")
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def minutes(moment: str, first: str) -> float:
    """From the first one on."""
    return (datetime.fromisoformat(moment) - datetime.fromisoformat(first)).total_seconds() / 60
