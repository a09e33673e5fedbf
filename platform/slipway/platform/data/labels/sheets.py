"""What is given to a tool for labelling: images with what is said of them so far, and the categories to choose from."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal, Protocol

from slipway.platform.data.labels.history import labels_of
from slipway.platform.data.labels.marks import Mark
from slipway.platform.data.shards import image_format

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.platform.data.snapshot import Snapshot

Kind = Literal["boxes", "choices"]
Bytes = Callable[[], "bytes | memoryview"]

FOLDER: Final = "images"
SHOWN: Final = ("source", "site", "camera", "day", "light", "weather")
"""Columns that people see in a tool."""
_SAMPLE: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image that is to be labelled."""

    sample: str
    width: int
    height: int
    source: str
    marks: tuple[Mark, ...] = ()
    state: str = "unlabelled"
    author: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    """What people see of it beside the picture."""
    data: Bytes

    @property
    def file(self) -> str:
        """Its name in an export, by which its labels find back."""
        return f"{self.sample}.{image_format(bytes(self.data()[:16])) or 'jpg'}"

    @property
    def shown(self) -> tuple[Mark, ...]:
        """Its boxes as far as they are in it."""
        size = self.width, self.height
        return tuple(one.inside(*size) for one in self.marks if one.seen(*size))


@dataclass(frozen=True)
class Sheet:
    """All that a tool is given."""

    name: str
    pictures: tuple[Picture, ...]
    categories: tuple[str, ...]
    kind: Kind
    """Boxes to draw, or one category for a whole image."""
    prefix: str = FOLDER
    """Where the tool finds the images."""


class Target(Protocol):
    """Where an export's files go."""

    def text(self, name: str, content: str) -> None:
        """A text file."""


class Names:
    """Finds images by what a tool calls them: a file name that holds the sample, or the source of a row."""

    def __init__(self, known: Iterable[tuple[str, str, int, int]]) -> None:
        self.sizes: dict[str, tuple[int, int]] = {}
        self._sources: dict[str, str] = {}
        ends: Counter[str] = Counter()
        by_end: dict[str, str] = {}
        for sample, source, width, height in known:
            self.sizes[sample] = (width, height)
            self._sources[source] = sample
            end = PurePosixPath(source).name
            ends[end] += 1
            by_end[end] = sample
        self._ends = {end: sample for end, sample in by_end.items() if ends[end] == 1}

    def find(self, name: str) -> str | None:
        """The sample, where there is exactly one."""
        end = PurePosixPath(name.replace("\\", "/")).name
        for found in _SAMPLE.findall(end):
            if found in self.sizes:
                return str(found)
        return self._sources.get(name) or self._ends.get(end)


def pictures_of(snapshot: "Snapshot", index: "pa.Table") -> Iterator[Picture]:
    """Rows of a snapshot, in their order."""
    from slipway.platform.data.columns import distinct
    from slipway.platform.data.labels.relabelling import known_rows

    rows = known_rows(snapshot, distinct(index["sample"]))
    for row in index.to_pylist():
        image, boxes = rows[row["sample"]]
        labels = labels_of(image, boxes)
        yield Picture(
            sample=row["sample"],
            width=row["width"],
            height=row["height"],
            source=row["source"],
            marks=labels.marks,
            state=labels.state,
            author=labels.author,
            about={name: str(row[name]) for name in SHOWN if row.get(name)},
            data=_reader(snapshot, row["shard"], row["offset"], row["length"]),
        )


def kind_of(pictures: Iterable[Picture]) -> Kind | None:
    """What is drawn in them; None where nothing is."""
    marks = [(one, mark) for one in pictures for mark in one.marks]
    if not marks:
        return None
    whole = all(mark.fills(one.width, one.height) for one, mark in marks)
    return "choices" if whole else "boxes"


def _reader(snapshot: "Snapshot", shard: str, offset: int, length: int) -> Bytes:
    return lambda: snapshot.image(shard, offset, length)
