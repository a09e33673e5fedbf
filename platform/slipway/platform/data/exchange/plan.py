"""What an import would do, worked out completely before anything is written.

A format's reader gives a draft: entries that name a file, the row that spoke of it, and what it says. Here the files
are looked at, sizes compared, splits checked, and images that are there already found, in the source and in the
snapshot that is added to.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.pictures import Seen, look_at_all
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.pictures import MOST_PIXELS
from slipway.platform.data.rows import Box, Identity, Image, box_row, boxes_table, image_row
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.watching import SILENT, Watcher

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the person says about everything that is imported."""

    name: str | None = None
    """What the source is called in the snapshot; its folder's name by default."""
    site: str | None = None
    camera: str | None = None
    day: str | None = None
    legal_basis: str | None = None
    retention: str | None = None
    licence: str | None = None
    split: str | None = None
    """None: by the source's own split, or by group."""
    category: str = "object"
    """For formats or lines that name none."""
    label_state: str = "human"
    author: str | None = None
    max_pixels: int = MOST_PIXELS

    def fields(self) -> dict[str, Any]:
        """The columns of an image that are the same for all."""
        names = ("site", "camera", "day", "legal_basis", "retention")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One image as the source tells of it. `image` still lacks its size; `fills`: the boxes are the whole image."""

    path: Path
    place: str
    image: Image
    boxes: tuple[Box, ...] = ()
    claimed: tuple[int, int] | None = None
    fills: bool = False


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a reader found; no file may lie outside of `root`. `remarks` are for the person."""

    root: Path
    entries: tuple[Entry, ...]
    provenance: tuple[Provenance, ...]
    identities: tuple[Identity, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An image that will be written."""

    path: Path
    seen: Seen
    image: Image
    boxes: tuple[Box, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that will be written."""

    images: tuple[Planned, ...]
    known: int
    """How many images the snapshot holds already, with the same content."""
    identities: tuple[Identity, ...]
    provenance: tuple[Provenance, ...]
    remarks: tuple[str, ...] = field(default=())

    def counts(self) -> dict[str, dict[str, int]]:
        """New images and boxes by split and category."""
        return {
            "splits": dict(Counter(one.image.split for one in self.images)),
            "categories": dict(Counter(box.category for one in self.images for box in one.boxes)),
        }


def make_plan(draft: Draft, options: Options, base: Snapshot | None, watcher: Watcher = SILENT) -> Plan:
    """Look at every file and compare with what is there; refuse with everything that is wrong."""
    problems = Problems()
    if not draft.entries:
        raise BadImport(f"{draft.root} holds no images to import.", mend="Check the folder and the format.")
    seen = _look(draft.entries, draft.root, options, problems, watcher)
    planned = [_planned(entry, seen[entry.path]) for entry in draft.entries if entry.path in seen]
    for entry in draft.entries:
        if entry.path in seen:
            _check_size(entry, seen[entry.path], problems)
    problems.stop_if_any()
    merged = _merge_same(draft.entries, planned, problems)
    known = _known(merged, base, problems) if base is not None else set()
    _check_identities(draft.identities, base, problems)
    _check_provenance(draft.provenance, base, problems)
    problems.stop_if_any()
    return Plan(
        images=tuple(one for one in merged if one.seen.sample not in known),
        known=len(known),
        identities=draft.identities,
        provenance=draft.provenance,
        remarks=draft.remarks,
    )


def _look(
    entries: Iterable[Entry], root: Path, options: Options, problems: Problems, watcher: Watcher
) -> dict[Path, Seen]:
    places = {entry.path: entry.place for entry in entries}
    inside = [path for path, place in places.items() if _inside(path, root, place, problems)]
    watcher.expect("looking at images", len(inside))
    seen = {}
    for path, found in look_at_all(inside, options.max_pixels, watcher):
        if isinstance(found, Seen):
            seen[path] = found
        else:
            place = "" if places[path] == str(path) else f"{places[path]}: "
            problems.add(f"{place}{path} {found}.")
    return seen


def _inside(path: Path, root: Path, place: str, problems: Problems) -> bool:
    """A link may lead out of the folder that is imported, whatever the name says."""
    real = os.path.realpath(path)
    if real.startswith(f"{root}{os.sep}"):
        return True
    problems.add(f"{place}: {path} is a link to {real}, outside of {root}.")
    return False


def _planned(entry: Entry, seen: Seen) -> Planned:
    image = replace(entry.image, width=seen.width, height=seen.height)
    boxes = entry.boxes
    if entry.fills:
        boxes = tuple(replace(box, x=0.0, y=0.0, w=float(seen.width), h=float(seen.height)) for box in boxes)
    return Planned(path=entry.path, seen=seen, image=image, boxes=boxes)


def _check_size(entry: Entry, seen: Seen, problems: Problems) -> None:
    if entry.claimed is not None and entry.claimed != (seen.width, seen.height):
        width, height = entry.claimed
        problems.add(f"{entry.place}: {width} x {height} is said, {entry.path} has {seen.width} x {seen.height}.")


def _merge_same(entries: Iterable[Entry], planned: Iterable[Planned], problems: Problems) -> list[Planned]:
    """One image for each content. The same bytes may come twice only where a format keeps a list of its files."""
    merged: dict[str, tuple[Entry, Planned]] = {}
    for entry, one in zip(entries, planned, strict=True):
        earlier, first = merged.setdefault(one.seen.sample, (entry, one))
        if earlier is entry:
            continue
        files = first.image.extra.get("files")
        if files is None or first.image.split != one.image.split or first.boxes != one.boxes:
            problems.add(f"{entry.place}: {one.path} has the same bytes as {first.path} ({earlier.place}).")
            continue
        extra = {**first.image.extra, "files": [*files, *one.image.extra["files"]]}
        merged[one.seen.sample] = (earlier, replace(first, image=replace(first.image, extra=extra)))
    return [one for _, one in merged.values()]


def _known(planned: Iterable[Planned], base: Snapshot, problems: Problems) -> set[str]:
    """Images that are in the snapshot and say the same; the others are problems."""
    rows = {row["sample"]: row for row in _rows_of(base.index, {one.seen.sample for one in planned})}
    known = [one for one in planned if one.seen.sample in rows]
    relabelled = _relabelled(known, base)
    for one in known:
        row, mine = rows[one.seen.sample], image_row(one.seen.sample, one.image)
        wrong = [_difference(name, row.get(name), value) for name, value in mine.items() if row.get(name) != value]
        if wrong:
            problems.add(f"{one.path} is in {base.folder} already, with {', '.join(wrong)}.")
        elif one.seen.sample in relabelled:
            problems.add(f"{one.path} is in {base.folder} already, with other boxes.")
    return set(rows)


def _relabelled(known: Iterable[Planned], base: Snapshot) -> set[str]:
    """Which known images have other boxes; the whole is compared first, as mostly nothing has changed."""
    old: dict[str, list[Mapping[str, Any]]] = {one.seen.sample: [] for one in known}
    for row in _rows_of(base.boxes, set(old)):
        old[row["sample"]].append(row)
    new = {one.seen.sample: [box_row(one.seen.sample, box) for box in one.boxes] for one in known}
    if boxes_table(chain.from_iterable(old.values())) == boxes_table(chain.from_iterable(new.values())):
        return set()
    return {sample for sample in old if boxes_table(old[sample]) != boxes_table(new[sample])}


def _difference(name: str, old: object, new: object) -> str:
    return "other names or foreign fields" if name == "extra" else f"{name} `{old}` and not `{new}`"


def _rows_of(table: "pa.Table", samples: set[str]) -> list[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pc.is_in(table["sample"], value_set=pa.array(sorted(samples), pa.string()))
    return list(table.filter(wanted).to_pylist())


def _check_identities(identities: Iterable[Identity], base: Snapshot | None, problems: Problems) -> None:
    splits = (
        dict(zip(*(base.identities[name].to_pylist() for name in ("identity", "split")), strict=True)) if base else {}
    )
    for one in identities:
        earlier = splits.setdefault(one.identity, one.split)
        if earlier != one.split:
            problems.add(f"Identity `{one.identity}` is in `{earlier}` and would also be in `{one.split}`.")


def _check_provenance(parts: Iterable[Provenance], base: Snapshot | None, problems: Problems) -> None:
    """A source of the same name must be the same source: else an export could not tell which is which."""
    earlier = {(one.kind, one.source): one for one in base.manifest.provenance} if base else {}
    for part in parts:
        other = earlier.get((part.kind, part.source))
        if other is not None and other != part:
            problems.add(
                f"A {part.kind} source `{part.source}` with other content is in the snapshot already. "
                "Give this one another --name."
            )
