"""The worst samples on one sheet, for any task: the pixels that the network saw, with what was said of them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from slipway.training.evaluation.judged import Judged
from slipway.training.pictures.canvas import COLOURS, INK, drawn
from slipway.training.reading.pixels import Pixels
from slipway.training.task import Examples

COUNT: Final = 24
ACROSS: Final = 6
TILE: Final = 150
"""Pixels that the longer side of a sample gets."""
CAPTION: Final = 34
GAP: Final = 10
SAMPLE_DIGITS: Final = 10

Row = Mapping[str, Any]
Box = tuple[float, float, float, float, str]
"""Left, top, right, bottom in the pixels of the source, and a colour."""


def worst_samples(
    judged: Judged,
    examples: Examples,
    path: Path,
    *,
    count: int = COUNT,
    caption: Callable[[Row], str] | None = None,
    boxes: Callable[[Row], Sequence[Box]] | None = None,
) -> Path:
    """Those with the greatest `error` first; `caption` is two short lines, `boxes` are drawn on the pixels."""
    table = judged.samples
    error = np.asarray(table["error"].to_numpy(), np.float64)
    order = np.argsort(-np.nan_to_num(error, nan=-np.inf), kind="stable")[:count]
    chosen = [{name: table[name][int(line)].as_py() for name in table.column_names} for line in order]
    pixels = _pixels(examples, [str(one["sample"]) for one in chosen])
    across = max(1, min(ACROSS, len(chosen)))
    down = max(1, -(-len(chosen) // across))
    width, height = across * (TILE + GAP) + GAP, down * (TILE + CAPTION + GAP) + GAP
    sheet = np.full((height, width, 3), 255, np.uint8)
    with drawn(path, width / 100, height / 100 + 0.35) as figure:
        axes = figure.subplots()
        for number, (row, image) in enumerate(zip(chosen, pixels, strict=True)):
            top, left = (GAP + place * step for place, step in zip(divmod(number, across), _STEPS, strict=True))
            tile, scale = _fitted(image)
            sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
            text = (caption or described)(row)
            axes.text(left, top + TILE + 4, text, va="top", fontsize=6.5, color=INK, linespacing=1.15)
            for one in boxes(row) if boxes else ():
                _outline(axes, one, left, top, scale)
        axes.imshow(sheet, interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(f"The {len(chosen)} worst of {table.num_rows:,}", color=INK)
    return path


def described(row: Row) -> str:
    """What was said and what is true, how wrong it was, and which sample it is."""
    said = f"{row['said']}, not {row['truth']}" if row.get("said") != row.get("truth") else str(row.get("truth") or "")
    first = f"{said}  {row['error']:.2f}" if said else f"error {row['error']:.2f}"
    return f"{first}\n{str(row['sample'])[:SAMPLE_DIGITS]}"


_STEPS: Final = (TILE + CAPTION + GAP, TILE + GAP)


def _pixels(examples: Examples, samples: Sequence[str]) -> list[Pixels]:
    """What the network saw of each sample; of several rows the first."""
    places: dict[str, int] = {}
    for row, sample in enumerate(examples.rows["sample"].to_pylist()):
        places.setdefault(str(sample), row)
    found: Pixels = np.empty((len(samples), *examples.source.size, 3), np.uint8)
    if samples:
        examples.source.read(np.array([places[sample] for sample in samples], np.int64), found)
    return list(found)


def _fitted(image: Pixels) -> tuple[Pixels, float]:
    """As large as a tile may be, with its proportions."""
    height, width = image.shape[:2]
    scale = TILE / max(height, width)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8), scale


def _outline(axes: Any, box: Box, left: float, top: float, scale: float) -> None:  # noqa: ANN401 - matplotlib's Axes
    from matplotlib.patches import Rectangle

    x0, y0, x1, y1, colour = box
    corner = (left + x0 * scale, top + y0 * scale)
    shape = Rectangle(corner, (x1 - x0) * scale, (y1 - y0) * scale, fill=False, edgecolor=colour or COLOURS[0])
    shape.set_linewidth(1.0)
    axes.add_patch(shape)
