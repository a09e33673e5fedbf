"""A snapshot with other labels: rows that change are exchanged, pictures of devices that got a label are added.

The same is written in two ways: to a folder that takes the place of the snapshot in `data/`, and as a
`revising.Change`, for whoever has no work tree. Nothing is written where no row changes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from slipway.platform.data.columns import where, within
from slipway.platform.data.errors import BadImport
from slipway.platform.data.exchange.problems import Problems
from slipway.platform.data.labels.relabelling import Asked, Relabelled, Rows, known_rows, relabel
from slipway.platform.data.labels.words import Word
from slipway.platform.data.manifest import Manifest, Provenance
from slipway.platform.data.merge_write import write_merged, write_tables
from slipway.platform.data.rows import (
    Box,
    Identity,
    Image,
    box_row,
    boxes_table,
    identities_table,
    identity_row,
    image_row,
    index_table,
    joined,
)  # fmt: skip
from slipway.platform.data.shards import FOLDER
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.staging import link_or_copy
from slipway.platform.data.writer import SnapshotWriter

if TYPE_CHECKING:
    from slipway.platform.data.revising import Change

PEOPLE: Final = Provenance(kind="labels", source="people")
"""A snapshot with labels of people cannot be made again from where its images came from."""
UNKNOWN: Final = "unknown"
_PLACE: Final = ("shard", "offset", "length")


@dataclass(frozen=True)
class Fresh:
    """A picture that is in no snapshot yet, with what a machine said of it."""

    image: Image
    boxes: tuple[Box, ...]
    data: Callable[[], bytes]


@dataclass(frozen=True)
class Said:
    """All that is to be brought into a snapshot."""

    words: tuple[Word, ...]
    asked: Asked
    now: str
    """When it was said, where a word does not tell: an ISO moment in UTC."""
    fresh: Mapping[str, Fresh] = field(default_factory=dict)
    """By sample, pictures that words may be about."""
    origins: tuple[Provenance, ...] = ()
    """Where those came from."""


def hear(base: Snapshot | None, said: Said) -> Relabelled:
    """What it would change; nothing is written."""
    known: dict[str, Rows] = {
        sample: (image_row(sample, one.image), [box_row(sample, box) for box in one.boxes])
        for sample, one in said.fresh.items()
    }
    known |= known_rows(base, [one.sample for one in said.words]) if base is not None else {}
    foreign = next((one for one in said.words if one.sample not in known), None)
    if foreign is not None:
        raise BadImport(
            f"{foreign.place}: {foreign.sample[:12]} is no image of the snapshot, nor a device's picture that waits.",
            mend="Label what `slipway data label export` gives.",
        )
    done = relabel(known, said.words, said.asked, said.now)
    _new_identities(base, done)
    return done


def into_folder(target: Path, base: Snapshot | None, said: Said, done: Relabelled, scratch: Path) -> Manifest:
    """Put the snapshot with these labels in the folder's place."""
    with _addition(base, said, done, scratch) as (first, addition):
        return write_merged(_tables(first, addition, done), (first, addition, None), target)


def as_change(said: Said, told: Callable[[Relabelled], None], scratch: Callable[[], Path]) -> "Change":
    """The same for `revise`; `told` hears what became of each word, and again where another snapshot came between."""

    def change(base: Snapshot | None, folder: Path) -> Manifest | None:
        done = hear(base, said)
        told(done)
        if not done.rows:
            return None
        with _addition(base, said, done, scratch()) as (first, addition):
            manifest = write_tables(_tables(first, addition, done), (first, addition, None), folder)
            (folder / FOLDER).mkdir(exist_ok=True)
            for name in addition.manifest.files:
                if name.startswith(f"{FOLDER}/") and name not in first.manifest.files:
                    link_or_copy(addition.folder / name, folder / name)
        return manifest

    return change


@contextmanager
def _addition(
    base: Snapshot | None, said: Said, done: Relabelled, scratch: Path
) -> Iterator[tuple[Snapshot, Snapshot]]:
    """What is built upon, and a snapshot of the pictures that are new, for as long as they are needed."""
    import shutil

    scratch.mkdir(parents=True)
    try:
        have = known_rows(base, done.rows) if base is not None else {}
        with SnapshotWriter(scratch / "addition") as writer:
            for sample in sorted(done.rows.keys() - have.keys()):
                one = said.fresh[sample]
                writer.add(one.data(), one.image, one.boxes)
            origins = said.origins if done.rows.keys() - have.keys() else ()
            writer.finish((PEOPLE, *origins) if said.asked != "auto" else origins or (_MACHINES,), UNKNOWN)
        if base is None:
            with SnapshotWriter(scratch / "base") as writer:
                writer.finish((), UNKNOWN)
        yield base or Snapshot(scratch / "base"), Snapshot(scratch / "addition")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


_MACHINES: Final = Provenance(kind="labels", source="machines")


def _tables(base: Snapshot, addition: Snapshot, done: Relabelled) -> tuple[pa.Table, pa.Table, pa.Table]:
    """All rows, those that changed as they are now; bytes, place and split of an image stay."""
    index, boxes = joined(base.index, addition.index), joined(base.boxes, addition.boxes)
    changed = list(done.rows)
    before = {row["sample"]: row for row in where(index, within(index["sample"], changed)).to_pylist()}
    images = [image | {name: before[sample][name] for name in _PLACE} for sample, (image, _) in done.rows.items()]
    labels = [box for _, rows in done.rows.values() for box in rows]
    left = where(index, ~within(index["sample"], changed)), where(boxes, ~within(boxes["sample"], changed))
    identities = [*base.identities.to_pylist(), *map(identity_row, _new_identities(base, done))]
    return joined(left[0], index_table(images)), joined(left[1], boxes_table(labels)), identities_table(identities)


def _new_identities(base: Snapshot | None, done: Relabelled) -> list[Identity]:
    """Individuals that are named for the first time; one that is known stays in its split."""
    columns = () if base is None else (base.identities[name].to_pylist() for name in ("identity", "split"))
    splits: dict[str, str] = dict(zip(*columns, strict=True)) if base is not None else {}
    found, problems = [], Problems()
    for image, boxes in done.rows.values():
        for box in boxes:
            if (name := box["identity"]) is None:
                continue
            if name not in splits:
                found.append(Identity(identity=name, category=box["category"], split=image["split"]))
            if splits.setdefault(name, image["split"]) != image["split"]:
                problems.add(
                    f"{image['source']}: `{name}` is in `{splits[name]}`, and this image in `{image['split']}`."
                )
    problems.stop_if_any()
    return found
