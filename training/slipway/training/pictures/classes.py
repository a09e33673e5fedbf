"""Pictures of a recogniser, from the `details` of its judgement: confusion, precision and recall, ROC, reliability."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from slipway.training.evaluation.classification import BINS
from slipway.training.pictures.canvas import COLOURS, FAINT, FILL, INK, drawn, share_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Details = Mapping[str, Any]
MOST_NUMBERS: Final = 15
"""Classes up to which the cells of a confusion matrix are labelled."""


def draw_classes(details: Details, folder: Path) -> tuple[Path, ...]:
    """All three pictures, as files in the folder."""
    return (
        draw_confusion(details, folder / "confusion.png"),
        draw_precision(details, folder / "precision-recall.png"),
        draw_reliability(details, folder / "reliability.png"),
    )


def draw_confusion(details: Details, path: Path) -> Path:
    """How often each class was taken for which; the colour is the share of the true class."""
    classes = [str(one) for one in details["classes"]]
    counts = np.asarray(details["confusion"], np.int64)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = max(3.4, min(12.0, 1.6 + 0.6 * len(classes)))
    with drawn(path, side + 0.8, side) as figure:
        axes = figure.subplots()
        axes.grid(visible=False)
        image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
        figure.colorbar(image, ax=axes, shrink=0.85, label="share of the true class")
        places = np.arange(len(classes))
        axes.set(title="Confusion", xlabel="said", ylabel="true", xticks=places, yticks=places)
        axes.set_xticklabels(classes, rotation=0 if len(classes) < 5 else 60)  # noqa: PLR2004 - few fit side by side
        axes.set_yticklabels(classes)
        if len(classes) <= MOST_NUMBERS:
            _write_cells(axes, counts.tolist(), shares.tolist())
    return path


def draw_precision(details: Details, path: Path) -> Path:
    """Precision over recall, and the ROC curve, for each class that has them."""
    curves: Mapping[str, Mapping[str, list[float]]] = details["curves"]
    with drawn(path, 8.2, 4.0) as figure:
        left, right = figure.subplots(1, 2)
        share_axes(left, "recall", "precision")
        share_axes(right, "false positive rate", "true positive rate")
        left.set_title("Precision and recall")
        right.set_title("ROC")
        right.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
        for number, (name, curve) in enumerate(curves.items()):
            colour = COLOURS[number % len(COLOURS)]
            left.plot(curve["recall"], curve["precision"], color=colour, label=name, linewidth=1.6)
            right.plot([0.0, *curve["false_positive_rate"]], [0.0, *curve["recall"]], color=colour, linewidth=1.6)
        left.legend(loc="lower left")
    return path


def draw_reliability(details: Details, path: Path) -> Path:
    """Whether what is said with a probability is right as often; below, how many rows each bin has."""
    found: Mapping[str, list[float]] = details["reliability"]
    stated, right, rows = (np.asarray(found[name], np.float64) for name in ("confidence", "accuracy", "rows"))
    with drawn(path, 4.4, 5.0) as figure:
        upper, lower = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
        upper.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":")
        upper.vlines(stated, stated, right, color=FILL, linewidth=5)
        upper.plot(stated, right, color=COLOURS[0], marker="o", markersize=4, linewidth=1.4)
        upper.set(title="Reliability", ylabel="share that is right", xlim=(-0.01, 1.01), ylim=(-0.02, 1.02))
        lower.bar((np.minimum((stated * BINS).astype(int), BINS - 1) + 0.5) / BINS, rows, width=0.9 / BINS, color=FAINT)
        lower.set(xlabel="probability of what was said", ylabel="rows")
    return path


def _write_cells(axes: "Axes", counts: list[list[int]], shares: list[list[float]]) -> None:
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            dark = shares[row][column] > 0.5  # noqa: PLR2004 - half of the scale
            axes.text(column, row, f"{count:,}", ha="center", va="center", color="white" if dark else INK)
