"""Reading MOTChallenge: folders with `seqinfo.ini`, `img1/000001.jpg`, `gt/gt.txt` and `det/det.txt`.

SRC is one sequence or a folder of them, at any depth (`train/MOT17-02`). Every line of text is kept as it came; boxes
count pixels from 0, MOTChallenge from 1. Detections are no labels: they stay in the image's `extra`. Classes get the
names of `gt/labels.txt` where there is one, else those of MOT16 to MOT20; ten-column files (2D MOT 2015) have none.
"""

import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.files import is_image, reach, read_text, source_folder, walk
from slipway.platform.data.exchange.grouping import choose_split, own_split, split_remark
from slipway.platform.data.exchange.plan import Draft, Entry, Options
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.rows import Box, Image

CLASSES: Final = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle", "static person",
    "distractor", "occluder", "occluder on the ground", "occluder full", "reflection", "crowd",
)  # fmt: skip
GT: Final = "gt/gt.txt"
DET: Final = "det/det.txt"
LABELS: Final = "gt/labels.txt"
SEQINFO: Final = "seqinfo.ini"
LEAST: Final = 6
OLD_COLUMNS: Final = 10


@dataclass(frozen=True)
class Line:
    """One line of gt.txt or det.txt: its text, its end where it is not a plain newline, and what it says."""

    at: int
    number: int
    text: str
    end: str
    numbers: tuple[float, ...]

    @property
    def frame(self) -> int:
        """The frame that it is about."""
        return int(self.numbers[0])

    def extra(self) -> dict[str, Any]:
        """What gives the line back."""
        return {"at": self.at, "line": self.text} | ({} if self.end == "\n" else {"end": self.end})


def read_mot(source: Path, options: Options) -> Draft:
    """Every sequence of a folder."""
    folder = source_folder(source)
    problems = Problems()
    sequences = [_Sequence(path, folder, options, problems) for path in _sequence_folders(folder)]
    if not sequences:
        raise BadImport(
            f"{folder} holds no sequence.", mend="A sequence has seqinfo.ini, img1/ or gt/gt.txt in its folder."
        )
    entries = [entry for one in sequences for entry in one.entries()]
    problems.stop_if_any()
    taken = {entry.path for entry in entries} | {one.path / name for one in sequences for name in _texts()}
    others = sum(1 for path in walk(folder) if path not in taken)
    remarks = [split_remark(options, {own_split(one.relative) for one in sequences}, "the sequences")]
    if others:
        remarks.append(f"{others} files below {folder} are no part of MOTChallenge's format and were left out.")
    return Draft(
        root=folder,
        entries=tuple(entries),
        provenance=tuple(one.provenance() for one in sequences),
        remarks=tuple(remarks),
    )


def class_names(labels: str | None) -> tuple[str, ...]:
    """Category names by class number, from 1."""
    return CLASSES if labels is None else tuple(line.strip() for line in labels.splitlines())


def class_number(numbers: tuple[float, ...]) -> int:
    """The class of a row, 0 where it has none; rows of ten columns have world coordinates there."""
    return int(numbers[7]) if 7 < len(numbers) < OLD_COLUMNS else 0  # noqa: PLR2004 - the eighth column


def category_of(number: int, names: tuple[str, ...]) -> str:
    """The category of a class number."""
    return names[number - 1] if number <= len(names) else f"class {number}"


def visibility(numbers: tuple[float, ...]) -> float | None:
    """The visible share of a row's object, where the row says one."""
    share = numbers[8] if 8 < len(numbers) < OLD_COLUMNS else -1.0  # noqa: PLR2004 - the ninth column
    return share if 0 <= share <= 1 else None


def lines_of(path: Path, problems: Problems) -> Iterator[Line]:
    """Every line; what is no row of at least six numbers is noted. Empty lines belong to the end of the one before."""
    parts = re.findall(r"([^\r\n]+)([\r\n]*)", text := read_text(path))
    if text[:1] in ("\r", "\n"):
        problems.add(f"{path}, line 1: the file begins with an empty line.")
    number = 1
    for at, (line, end) in enumerate(parts):
        numbers = _numbers(line)
        if numbers is None:
            problems.add(f"{path}, line {number}: `{line[:60]}` is no row of frame, id, x, y, w, h and more numbers.")
        else:
            yield Line(at, number, line, end, numbers)
        number += max(end.count("\n"), end.count("\r"))


def _numbers(line: str) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(part) for part in line.rstrip(", ").split(","))
    except ValueError:
        return None
    if len(numbers) < LEAST or any(abs(number) >= 1e15 or number != number for number in numbers):  # noqa: PLR0124, PLR2004 - NaN and infinity
        return None
    return numbers if numbers[0].is_integer() and numbers[1].is_integer() else None


def _texts() -> tuple[str, ...]:
    return (GT, DET, LABELS, SEQINFO)


def _sequence_folders(folder: Path) -> list[Path]:
    marks = (SEQINFO, "img1", GT, DET)
    if any((folder / mark).exists() for mark in marks):
        return [folder]
    return [place for place in sorted(_folders(folder)) if any((place / mark).exists() for mark in marks)]


def _folders(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            yield path
            yield from _folders(path)


class _Sequence:
    """One sequence's folder."""

    def __init__(self, path: Path, folder: Path, options: Options, problems: Problems) -> None:
        self.path = path
        self.relative = path.relative_to(folder).as_posix()
        self._options = options
        self._problems = problems
        self._dataset = options.name or folder.name
        self.name = self._dataset if self.relative == "." else f"{self._dataset}/{self.relative}"
        self._texts = {name: read_text(path / name) for name in _texts() if (path / name).is_file()}
        self._info = self._read_info()

    def provenance(self) -> Provenance:
        """Which files there were, and the ones that have no rows."""
        detail: dict[str, str | bool] = {"dataset": self._dataset, "folder": self.relative}
        detail |= {name: self._texts[name] for name in (SEQINFO, LABELS) if name in self._texts}
        detail |= {name: True for name in (GT, DET) if name in self._texts}
        return Provenance(kind="mot", source=self.name, detail=detail)

    def entries(self) -> Iterator[Entry]:
        """Every frame with its boxes and detections."""
        frames = self._frames()
        labels: dict[int, list[Line]] = {frame: [] for frame in frames}
        detections: dict[int, list[Line]] = {frame: [] for frame in frames}
        for name, lines in ((GT, labels), (DET, detections)):
            for line in lines_of(self.path / name, self._problems) if name in self._texts else ():
                if line.frame in frames:
                    lines[line.frame].append(line)
                else:
                    self._problems.add(
                        f"{self.path / name}, line {line.number}: there is no image of frame {line.frame}."
                    )
        split = choose_split(self._options, own_split(self.relative), self.name)
        for frame, path in frames.items():
            boxes = tuple(self._box(line) for line in labels[frame])
            yield self._entry(frame, path, split, boxes, detections[frame])

    def _entry(self, frame: int, path: Path, split: str, boxes: tuple[Box, ...], detections: list[Line]) -> Entry:
        file = path.relative_to(self.path).as_posix()
        kept = {"sequence": self.name, "file": file, "det": [line.extra() for line in detections]}
        return Entry(
            path=path,
            place=str(path),
            boxes=boxes,
            claimed=self._size(),
            image=Image(
                width=0,
                height=0,
                split=split,
                source=f"{self.name}/{file}",
                sequence=self.name,
                frame=frame,
                label_state=self._options.label_state if GT in self._texts else "unlabelled",
                extra={"mot": kept},
                **self._options.fields(),
            ),
        )

    def _box(self, line: Line) -> Box:
        _, track, x, y, w, h, *_ = line.numbers
        number = class_number(line.numbers)
        names = class_names(self._texts.get(LABELS))
        seen = visibility(line.numbers)
        return Box(
            category=category_of(number, names) if number > 0 else self._options.category,
            x=x - 1, y=y - 1, w=w, h=h,
            track=None if track < 0 else f"{self.name}/{int(track)}",
            occlusion=None if seen is None else 1 - seen,
            label_state=self._options.label_state,
            author=self._options.author,
            extra={"mot": line.extra()},
        )  # fmt: skip

    def _frames(self) -> dict[int, Path]:
        """Images by frame number."""
        place = f"{self.path / SEQINFO}, imDir"
        folder = reach(self.path, self._info.get("imdir", "img1"), place, self._problems)
        frames: dict[int, Path] = {}
        for path in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else ():
            if not is_image(path):
                continue
            if not path.stem.isdecimal():
                self._problems.add(f"{path} is not called by a frame's number, such as 000001.jpg.")
            elif int(path.stem) in frames:
                self._problems.add(f"{path} is the same frame as {frames[int(path.stem)]}.")
            else:
                frames[int(path.stem)] = path
        if not frames:
            self._problems.add(f"{folder or self.path} holds no images, so {self.name} has no frames.")
        said = self._info.get("seqlength")
        if said is not None and frames and said != str(len(frames)):
            self._problems.add(f"{self.path / SEQINFO}: seqLength is {said}, {folder} holds {len(frames)} images.")
        return frames

    def _size(self) -> tuple[int, int] | None:
        width, height = self._info.get("imwidth", ""), self._info.get("imheight", "")
        return (int(width), int(height)) if width.isdecimal() and height.isdecimal() else None

    def _read_info(self) -> Mapping[str, str]:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(self._texts.get(SEQINFO, ""), str(self.path / SEQINFO))
        except configparser.Error as error:
            self._problems.add(f"{self.path / SEQINFO} is no INI file: {str(error).splitlines()[0]}.")
            return {}
        return dict(parser["Sequence"]) if parser.has_section("Sequence") else {}
