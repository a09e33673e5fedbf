"""Pictures of a search: queries with what came first, hits and misses marked, and the curve of first matches.

The gallery takes queries evenly from the best to the worst, each of another individual while there are any, so that it
neither flatters nor frightens. A hit has a whole green frame and a tick, a miss a broken red one and a cross: nobody
has to tell the colours apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from slipway.training.evaluation.judged import Judged
from slipway.training.pictures.canvas import COLOURS, FAINT, INK, drawn
from slipway.training.reading.pixels import Pixels
from slipway.training.task import Examples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]
QUERIES: Final = 10
NEAREST: Final = 5
TILE: Final = 1.25
"""Inches that the width of a picture gets."""
HIT: Final = (COLOURS[2], "-", "✓")
MISS: Final = (COLOURS[1], (0, (2, 1.2)), "✗")
"""Colour, line and mark."""


def draw_gallery(judged: Judged, examples: Examples, path: Path, count: int = QUERIES) -> None:
    """A line for each of some queries: the query, then what was nearest to it."""
    lines = [judged.samples.slice(line, 1).to_pylist()[0] for line in chosen(judged, count)]
    height, width = examples.source.size
    places = {str(sample): row for row, sample in enumerate(examples.rows["sample"].to_pylist())}
    tall = TILE * height / width + 0.34
    with drawn(path, (NEAREST + 1) * TILE + 0.4, len(lines) * tall + 0.5) as figure:
        grid = figure.subplots(len(lines), NEAREST + 1, squeeze=False)
        figure.suptitle("Queries from the best to the worst, and what came first", color=INK, fontsize=10)
        for line, row in zip(lines, grid, strict=True):
            _draw_line(line, row.tolist(), examples, places)


def chosen(judged: Judged, count: int) -> list[int]:
    """Lines of `samples`, evenly from the smallest error to the greatest, another individual for each if possible."""
    order = np.argsort(judged.samples["error"].to_numpy(), kind="stable")
    identities = judged.samples["identity"].to_pylist()
    taken: list[int] = []
    for wanted in np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int):
        known = {identities[line] for line in taken}
        near = sorted(range(len(order)), key=lambda place: (abs(place - wanted), place))
        free = (int(order[place]) for place in near if int(order[place]) not in taken)
        first = next(free)
        taken.append(next((line for line in (first, *free) if identities[line] not in known), first))
    error = judged.samples["error"].to_numpy()
    return sorted(taken, key=lambda line: (float(error[line]), line))


def draw_cmc(curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """The share of queries whose first match is among the first so many; a curve for each name."""
    with drawn(path, 4.6, 3.6) as figure:
        axes = figure.subplots()
        for number, (name, curve) in enumerate(curves.items()):
            colour, line = (COLOURS[0], "-") if number == 0 else (FAINT, "--")
            axes.plot(range(1, len(curve) + 1), curve, line, color=colour, label=name, linewidth=1.6)
        axes.set(
            title="First match", xlabel="among the first", ylabel="share of queries", ylim=(0, 1.01), xlim=(1, None)
        )
        axes.legend(loc="lower right")


def _draw_line(line: Row, cells: Sequence["Axes"], examples: Examples, places: Mapping[str, int]) -> None:
    """The query and its nearest."""
    first, *others = cells
    shown = [str(line["sample"]), *(str(one) for one in line["nearest"][: len(others)])]
    pixels = _pixels(examples, [places[sample] for sample in shown])
    _draw_tile(first, next(pixels), f"{line['camera']}\nfirst match: {line['first']}", None)
    for cell, sample, image, hit in zip(others, shown[1:], pixels, line["hits"], strict=False):
        camera = examples.rows["camera"][places[sample]].as_py()
        _draw_tile(cell, image, str(camera), HIT if hit else MISS)
    for cell in cells[len(shown) :]:
        cell.set_axis_off()


def _draw_tile(axes: "Axes", image: Pixels, caption: str, frame: tuple[str, Any, str] | None) -> None:
    axes.grid(visible=False)
    axes.imshow(image, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(caption, fontsize=6, color=INK, labelpad=2)
    colour, line, mark = frame or (INK, "-", "")
    for spine in axes.spines.values():
        spine.set(visible=True, edgecolor=colour, linewidth=2.4 if frame else 0.8, linestyle=line)
    if mark:
        box = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}
        corner = axes.transAxes
        axes.text(0.985, 0.975, mark, transform=corner, ha="right", va="top", fontsize=8, color="white", bbox=box)


def _pixels(examples: Examples, rows: Sequence[int]) -> Iterator[Pixels]:
    """What the network saw."""
    found: Pixels = np.empty((len(rows), *examples.source.size, 3), np.uint8)
    examples.source.read(np.array(rows, np.int64), found)
    return iter(found)
