"""The contact sheet: the samples that findings are about, with their boxes and what is wrong, on one PNG."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from slipway.platform.data.errors import DataError
from slipway.platform.data.validation.images import Undecodable, decode, header_size
from slipway.platform.data.validation.tables import Tables
from slipway.platform.data.validation.verdict import SHORT, Finding, RowRef

TILE: Final = 256
CAPTION: Final = 44
ACROSS: Final = 5
MOST: Final = 50
PER_FINDING: Final = 10
PAPER: Final = (250, 250, 248)
INK: Final = (30, 30, 30)
RED: Final = (200, 40, 40)
LINE: Final = 40
"""Letters that fit below a tile."""


def draw_sheet(tables: Tables, findings: Sequence[Finding], path: Path) -> None:
    """Write the sheet; without findings that have images, one that says so."""
    shown = list(_offending(findings))[:MOST]
    rows = max(1, -(-len(shown) // ACROSS))
    width = ACROSS if len(shown) > ACROSS else max(2, len(shown))
    sheet = Image.new("RGB", (width * TILE, rows * (TILE + CAPTION)), PAPER)
    if not shown:
        ImageDraw.Draw(sheet).text((12, 12), "No offending samples.", fill=INK)
    for number, (finding, row) in enumerate(shown):
        tile = _tile(tables, finding, row)
        sheet.paste(tile, (number % width * TILE, number // width * (TILE + CAPTION)))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    sheet.save(temporary, format="PNG")
    temporary.replace(path)


def _offending(findings: Iterable[Finding]) -> Iterator[tuple[Finding, RowRef]]:
    for finding in findings:
        if not finding.ok:
            yield from ((finding, row) for row in finding.rows[:PER_FINDING] if row.sample)


def _tile(tables: Tables, finding: Finding, row: RowRef) -> Image.Image:
    tile = Image.new("RGB", (TILE, TILE + CAPTION), PAPER)
    draw = ImageDraw.Draw(tile)
    picture = _picture(tables, row)
    if picture is None:
        draw.rectangle((4, 4, TILE - 5, TILE - 5), outline=RED)
        draw.text((12, TILE // 2), "cannot be shown", fill=RED)
    else:
        tile.paste(picture, ((TILE - picture.width) // 2, (TILE - picture.height) // 2))
    name = finding.expectation.removeprefix("expect_").replace("_", " ")
    for line, text in enumerate((name, f"{row.table} row {row.row}  {(row.sample or '')[:SHORT]}", row.fault or "")):
        draw.text((4, TILE + 2 + 13 * line), text[:LINE], fill=RED if line == 0 else INK)
    return tile


def _picture(tables: Tables, row: RowRef) -> Image.Image | None:
    found = tables.index[tables.index["sample"] == row.sample]
    if found.empty:
        return None
    one = found.iloc[0]
    try:
        data = tables.snapshot.image(one["shard"], int(one["offset"]), int(one["length"]))
        width, height = header_size(data)
        pixels = decode(data, width, height)
    except (DataError, Undecodable):
        return None
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    fit = min((TILE - 4) / picture.width, (TILE - 4) / picture.height)
    picture = picture.resize((max(1, round(picture.width * fit)), max(1, round(picture.height * fit))))
    scale = picture.width / width
    draw = ImageDraw.Draw(picture)
    for place, box in enumerate(_boxes(tables, row)):
        corners = [value * scale for value in box]
        if corners[2] > corners[0] and corners[3] > corners[1]:
            draw.rectangle(corners, outline=RED if place == 0 and row.table == "boxes" else PAPER, width=2)
    return picture


def _boxes(tables: Tables, row: RowRef) -> list[list[float]]:
    """Corners of the sample's boxes, the one that the row is about first."""
    boxes = tables.boxes[tables.boxes["sample"] == row.sample]
    if row.table == "boxes":
        boxes = boxes.sort_values("row", key=lambda rows: (rows != row.row).astype(int), kind="stable")
    return [[box["x"], box["y"], box["x"] + box["w"], box["y"] + box["h"]] for _, box in boxes.iterrows()]
