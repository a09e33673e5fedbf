"""Writing MOTChallenge: sequences that came from it go back line by line, with the columns winning where they changed.

Other images that have a sequence and a frame become sequences below their split's folder, with the names of their
categories in `gt/labels.txt`; images without are left out, and the person is told.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from slipway.platform.data.exchange.mot import DET, GT, LABELS, SEQINFO, category_of, class_names, class_number
from slipway.platform.data.exchange.rows_out import BoxRow, ImageRow, Sink, image_rows
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.snapshot import Snapshot

CLOSE: Final = 1e-6
CLASS_COLUMN: Final = 7


def write_mot(snapshot: Snapshot, sink: Sink) -> list[str]:
    """Write everything; returns remarks."""
    sources = {one.source: one for one in snapshot.manifest.provenance if one.kind == "mot"}
    apart = len({one.detail["dataset"] for one in sources.values()}) > 1
    sequences: dict[str, list[ImageRow]] = {}
    own: dict[tuple[str, str], list[ImageRow]] = {}
    left_out = 0
    for row in image_rows(snapshot):
        kept = row.extra.get("mot", {}).get("sequence")
        if kept in sources:
            sequences.setdefault(kept, []).append(row)
        elif row.columns["sequence"] is not None and row.columns["frame"] is not None:
            own.setdefault((row.columns["split"], row.columns["sequence"]), []).append(row)
        else:
            left_out += 1
    for name, rows in sequences.items():
        _write_back(sources[name], rows, apart or bool(own), sink)
    for (split, name), found in own.items():
        rows = _frames(found)
        left_out += len(found) - len(rows)
        _write_own(f"{split}/{re.sub(r'[^A-Za-z0-9._-]', '-', name).strip('.')}", rows, sink)
    return [f"{left_out} images that are no frame of a sequence were left out."] if left_out else []


def _write_back(source: Provenance, rows: list[ImageRow], apart: bool, sink: Sink) -> None:  # noqa: FBT001 - one caller
    detail = source.detail
    parts = [str(detail["dataset"])] if apart else []
    parts += [str(detail["folder"])] if detail["folder"] != "." else []
    folder = "".join(f"{part}/" for part in parts)
    rows = sorted(rows, key=lambda row: int(row.columns["frame"]))
    for name in (SEQINFO, LABELS):
        if name in detail:
            sink.text(folder + name, str(detail[name]))
    for row in rows:
        sink.image(folder + row.extra["mot"]["file"], row)
    if GT in detail:
        names = class_names(str(detail[LABELS]) if LABELS in detail else None)
        sink.text(folder + GT, _ground_truth(rows, names))
    if DET in detail:
        sink.text(folder + DET, _joined(line for row in rows for line in row.extra["mot"]["det"]))


def _ground_truth(rows: Iterable[ImageRow], names: tuple[str, ...]) -> str:
    """Lines in the order in which they came; new ones at the end."""
    kept: list[dict[str, Any]] = []
    added: list[str] = []
    for row in rows:
        for box in row.boxes:
            known = box.extra.get("mot")
            if known is None:
                added.append(_new_line(int(row.columns["frame"]), box.columns, _number(box.columns["track"]), names))
            else:
                kept.append({**known, "line": _changed(known["line"], box, names)})
    text = _joined(kept)
    if added and text and not text.endswith(("\n", "\r")):
        text += "\n"
    return text + "".join(f"{line}\n" for line in added)


def _joined(lines: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"{one['line']}{one.get('end', chr(10))}" for one in sorted(lines, key=lambda one: int(one["at"])))


def _changed(line: str, box: BoxRow, names: tuple[str, ...]) -> str:
    """The line as it came, with another track, place or class where the columns say one."""
    parts = line.split(",")
    place = [box.columns["x"] + 1, box.columns["y"] + 1, box.columns["w"], box.columns["h"]]
    if any(abs(float(part) - value) > CLOSE for part, value in zip(parts[2:6], place, strict=True)):
        parts[2:6] = map(_plain, place)
    if max(float(parts[1]), -1) != _number(box.columns["track"]):
        parts[1] = str(_number(box.columns["track"]))
    category = box.columns["category"]
    number = class_number(tuple(float(part) for part in line.rstrip(", ").split(",")))
    if number > 0 and category != category_of(number, names) and category in names:
        parts[CLASS_COLUMN] = str(names.index(category) + 1)
    return ",".join(parts)


def _frames(rows: list[ImageRow]) -> list[ImageRow]:
    """One image for each frame: cut-outs may have the sequence and frame of the whole picture, and are smaller."""
    largest = max(row.columns["width"] * row.columns["height"] for row in rows)
    frames: dict[int, ImageRow] = {}
    for row in sorted(rows, key=lambda row: str(row.columns["source"])):
        if row.columns["width"] * row.columns["height"] == largest:
            frames.setdefault(row.columns["frame"], row)
    return [frames[number] for number in sorted(frames)]


def _write_own(folder: str, rows: list[ImageRow], sink: Sink) -> None:
    names = tuple(sorted({box.columns["category"] for row in rows for box in row.boxes}))
    tracks: dict[str | None, int] = {}
    first = 0 if rows[0].columns["frame"] > 0 else 1 - rows[0].columns["frame"]
    lines = []
    for row in rows:
        frame = row.columns["frame"] + first
        sink.image(f"{folder}/img1/{frame:06d}.{row.suffix()}", row)
        for box in row.boxes:
            track = box.columns["track"]
            number = -1 if track is None else tracks.setdefault(track, len(tracks) + 1)
            lines.append(_new_line(frame, box.columns, number, names))
    sink.text(f"{folder}/{LABELS}", "".join(f"{name}\n" for name in names))
    sink.text(f"{folder}/{GT}", "".join(f"{line}\n" for line in lines))


def _new_line(frame: int, box: Mapping[str, Any], track: int, names: tuple[str, ...]) -> str:
    number = names.index(box["category"]) + 1 if box["category"] in names else -1
    seen = 1 if box["occlusion"] is None else 1 - box["occlusion"]
    place = map(_plain, (box["x"] + 1, box["y"] + 1, box["w"], box["h"]))
    return ",".join([str(frame), str(track), *place, "1", str(number), _plain(seen)])


def _number(track: str | None) -> int:
    """The number in a track's name, which ends with it."""
    tail = (track or "").rpartition("/")[2]
    return int(tail) if tail.isdecimal() else -1


def _plain(value: float) -> str:
    """A number without digits that say nothing."""
    short = round(float(value), 6)
    return str(int(short)) if short.is_integer() else repr(short)
