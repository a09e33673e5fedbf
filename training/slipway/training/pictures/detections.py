"""Pictures of a detector: precision over recall for each category, and the worst images with what is there and found.

In the images what is there is green, what was found is blue where it is right and red where it is not; grey counts
neither way.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from slipway.training.evaluation.judged import Judged
from slipway.training.pictures.canvas import COLOURS, FAINT, drawn, share_axes
from slipway.training.pictures.worst import SAMPLE_DIGITS, Box, Row, worst_samples
from slipway.training.task import Examples

THERE: Final = "#35c46a"
RIGHT: Final = "#4aa8ff"
WRONG: Final = "#ff4d5e"
COUNT: Final = 12
STYLES: Final = ("-", "--", ":")
"""One for each overlap."""


def draw_detections(judged: Judged, examples: Examples, folder: Path) -> tuple[Path, ...]:
    """Both pictures, as files in the folder."""
    curves, worst = folder / "precision-recall.png", folder / "worst.png"
    draw_precision(judged.details, curves)
    sides = examples.rows.select(["sample", "width", "height"]).to_pylist()
    height, width = examples.source.size
    scales = {one["sample"]: (width / one["width"], height / one["height"]) for one in sides}
    worst_samples(
        _apart(judged),
        examples,
        worst,
        count=COUNT,
        caption=described,
        boxes=lambda row: outlines(row, scales[row["sample"]]),
    )
    return curves, worst


def _apart(judged: Judged) -> Judged:
    """Of pictures that show the same vehicles, as those of a sequence do, only the worst."""
    if judged.clusters is None:
        return judged
    order = np.argsort(-judged.samples["error"].to_numpy(), kind="stable")
    _, first = np.unique(judged.clusters[order], return_index=True)
    return replace(judged, samples=judged.samples.take(np.sort(order[first])))


def draw_precision(details: Mapping[str, Any], path: Path) -> None:
    """Precision over recall: a colour for each category, a kind of line for each overlap."""
    curves = details["curves"]
    categories = list(dict.fromkeys(str(one["category"]) for one in curves))
    overlaps = list(dict.fromkeys(str(one["overlap"]) for one in curves))
    recalls = np.linspace(0.0, 1.0, int(details["recalls"]))
    with drawn(path, 6.2, 4.4) as figure:
        axes = figure.subplots()
        share_axes(axes, "recall", "precision")
        axes.set_title("Precision and recall")
        for one in curves:
            number, kind = categories.index(str(one["category"])), overlaps.index(str(one["overlap"]))
            colour, name = COLOURS[number % len(COLOURS)], categories[number] if kind == 0 else None
            axes.plot(recalls, one["precision"], STYLES[kind % len(STYLES)], color=colour, label=name, linewidth=1.5)
        for kind, overlap in enumerate(overlaps):
            axes.plot([], [], STYLES[kind % len(STYLES)], color=FAINT, label=f"overlap {overlap}")
        if curves:
            axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))


def outlines(row: Row, scale: tuple[float, float]) -> list[Box]:
    """What is there and what was found in an image, in the pixels that the network saw."""
    there = [(one, FAINT if one["crowd"] or one["ignored"] else THERE) for one in row["truth"] or ()]
    found = [(one, (RIGHT if one["right"] else WRONG) if one["counts"] else FAINT) for one in row["found"]]
    across, down = scale
    return [
        (one["x"] * across, one["y"] * down, (one["x"] + one["w"]) * across, (one["y"] + one["h"]) * down, colour)
        for one, colour in (*there, *found)
    ]


def described(row: Row) -> str:
    """How much was missed and invented, and where."""
    place = " ".join(str(row[name]) for name in ("site", "camera", "light", "weather") if row[name] is not None)
    return f"missed {row['missed']:.1f}, invented {row['alarms']:.1f}\n{place or str(row['sample'])[:SAMPLE_DIGITS]}"
