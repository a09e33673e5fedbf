"""A contact sheet: samples as tiles with their boxes, identities and captions, on one picture to look at.

The same samples give the same sheet. A picture that cannot be decoded gets a tile that says so, because those are the
ones that people look for.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from slipway.platform.data.errors import SnapshotDamaged
from slipway.platform.data.pictures import NoPicture, small_picture
from slipway.platform.data.selection import boxes_of
from slipway.platform.data.snapshot import Snapshot

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

Row = Mapping[str, Any]
Corners = tuple[float, float, float, float]

TILE: Final = (320, 220)
MARGIN: Final = 28
GAP: Final = 18
HEADING: Final = 76
CAPTION: Final = 44
LABEL: Final = 15

PAGE: Final = "#f6f6f3"
BEHIND: Final = "#e4e4df"
INK: Final = "#1d1f21"
FAINT: Final = "#73777b"
WARNING: Final = "#b3261e"
COLOURS: Final = ("#ffb000", "#2ec4ff", "#7ee081", "#ff6f91", "#c79bff", "#ff8552", "#5ce1d0", "#f2e94e")
"""Of boxes, by category: bright enough for night scenes, and apart for most eyes."""


def contact_sheet(
    snapshot: Snapshot,
    index: pa.Table,
    title: str,
    *,
    columns: int = 4,
    subtitle: str = "",
    notes: Mapping[str, str] | None = None,
) -> "Image.Image":
    """The sheet of these rows, in their order; `notes` says something in red below a sample."""
    from PIL import Image, ImageDraw

    rows = index.to_pylist()
    columns = max(1, min(columns, len(rows)))
    lines = -(-len(rows) // columns)
    step = (TILE[0] + GAP, TILE[1] + CAPTION + GAP)
    # A sheet of one narrow column still has room for its title.
    width = 2 * MARGIN + max(columns * step[0] - GAP, 2 * TILE[0])
    sheet = Image.new("RGB", (width, HEADING + lines * step[1] + MARGIN), PAGE)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (MARGIN, 20), title, 22, INK, width - 2 * MARGIN)
    _write(draw, (MARGIN, 48), subtitle, 13, FAINT, width - 2 * MARGIN)
    boxes = _by_sample(snapshot, index)
    colours = category_colours(snapshot)
    for place, row in enumerate(rows):
        corner = (MARGIN + place % columns * step[0], HEADING + place // columns * step[1])
        sheet.paste(_tile(snapshot, row, boxes.get(row["sample"], []), colours), corner)
        _caption(draw, corner, row, (notes or {}).get(row["sample"]))
    return sheet


def save_sheet(sheet: "Image.Image", target: Path) -> None:
    """Write a PNG as a whole."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        sheet.save(temporary, "PNG")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def category_colours(snapshot: Snapshot) -> dict[str, str]:
    """A colour for each category of the snapshot, the same whichever samples are shown."""
    names = sorted(str(name) for name in snapshot.boxes["category"].unique().to_pylist())
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}


def _by_sample(snapshot: Snapshot, index: pa.Table) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for box in boxes_of(snapshot, index).to_pylist():
        found.setdefault(box["sample"], []).append(box)
    return found


def _tile(snapshot: Snapshot, row: Row, boxes: list[Row], colours: Mapping[str, str]) -> "Image.Image":
    """One sample: its picture in the middle of a tile, its boxes over it."""
    from PIL import Image, ImageDraw

    tile = Image.new("RGB", TILE, BEHIND)
    draw = ImageDraw.Draw(tile)
    try:
        picture = small_picture(snapshot.image(row["shard"], row["offset"], row["length"]), *TILE)
    except (NoPicture, SnapshotDamaged) as error:
        _write(draw, (14, TILE[1] // 2 - 8), f"The picture {error}", 13, WARNING, TILE[0] - 28)
        return tile
    left, top = (TILE[0] - picture.width) // 2, (TILE[1] - picture.height) // 2
    tile.paste(picture, (left, top))
    scale = picture.width / max(1, row["width"]), picture.height / max(1, row["height"])
    taken: list[Corners] = []
    # The largest first, so that a small box lies on top.
    placed = [(box, _corners(box, (left, top), scale)) for box in sorted(boxes, key=lambda box: -box["w"] * box["h"])]
    for box, corners in placed:
        draw.rectangle((corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1), outline="#000000")
        draw.rectangle(corners, outline=colours[box["category"]], width=2)
    for box, corners in placed:
        _name(draw, corners, _label(box), colours[box["category"]], taken)
    return tile


def _corners(box: Row, start: tuple[int, int], scale: tuple[float, float]) -> Corners:
    left, top = start[0] + box["x"] * scale[0], start[1] + box["y"] * scale[1]
    return left, top, max(left + 1, left + box["w"] * scale[0]), max(top + 1, top + box["h"] * scale[1])


def _name(draw: "ImageDraw.ImageDraw", corners: Corners, label: str, colour: str, taken: list[Corners]) -> None:
    """A box's label above it, below it or inside; in a crowd, where it would hide another one, there is none."""
    font = _font(11)
    length = draw.textlength(label, font) + 8
    left = min(max(0.0, corners[0]), max(0.0, TILE[0] - length))
    for top in (corners[1] - LABEL, corners[3] + 1, corners[1]):
        place = (left, top, left + length, top + LABEL)
        if 0 <= top <= TILE[1] - LABEL and not any(_overlap(place, other) for other in taken):
            taken.append(place)
            draw.rectangle(place, fill=colour)
            draw.text((left + 4, top + 1), label, INK, font)
            return


def _overlap(first: Corners, second: Corners) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _label(box: Row) -> str:
    parts = [box["category"], box["identity"]]
    return " ".join(str(part) for part in parts if part)


def _caption(draw: "ImageDraw.ImageDraw", corner: tuple[int, int], row: Row, note: str | None) -> None:
    """Two lines: where and when; what it is used for, or the note."""
    first = [row["site"], row["camera"], row["day"], _clock(row["time"]), row["light"], row["weather"]]
    second = [row["split"], row["label_state"], row["sample"][:10]]
    top = corner[1] + TILE[1] + 6
    shown = [str(part) for part in first if part] or [row["source"]]
    _write(draw, (corner[0], top), " · ".join(shown), 13, INK, TILE[0])
    line = " · ".join(str(part) for part in second)
    _write(draw, (corner[0], top + 18), note or line, 12, WARNING if note else FAINT, TILE[0])


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes = int(seconds) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _write(draw: "ImageDraw.ImageDraw", place: tuple[int, int], text: str, size: int, colour: str, room: int) -> None:
    """One line of text, cut with an ellipsis where it would not fit."""
    font = _font(size)
    if draw.textlength(text, font) > room:
        while text and draw.textlength(text + "…", font) > room:
            text = text[:-1]
        text += "…"
    draw.text(place, text, colour, font)


def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    """Pillow's own font: it is the same on every machine."""
    from PIL import ImageFont

    return ImageFont.load_default(size)
