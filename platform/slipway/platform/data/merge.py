"""One snapshot out of two: the union of their images, with one label each.

With a base (the snapshot that both came from) each value that one side left alone is the other side's, and what one
side removed goes; an image that people labelled on both sides has the label that all of their words together make
(`labels.settling`). Without one, everything stays, and gaps are filled. A sample that got two different labels (or
splits, or whatever else is known of it) is a conflict: all of them are listed with both sides, and nothing is written
unless `take` says whose side holds. Without conflicts the result, and so its digest, is the same for A with B and B
with A. Shards are linked as they are; those that no image is in any more are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from slipway.platform.data.columns import Ints, Mask, distinct, sorted_positions, table_of, take, texts, within
from slipway.platform.data.errors import LabelConflict
from slipway.platform.data.labels.settling import settled_labels
from slipway.platform.data.manifest import Manifest
from slipway.platform.data.matching import codes
from slipway.platform.data.merge_conflicts import Conflict, label_conflicts, removal_conflicts, value_conflicts
from slipway.platform.data.merge_rows import (
    CONFLICT,
    OURS,
    THEIRS,
    Choice,
    Rows,
    Tables,
    choose,
    choose_value,
    gather,
    keep,
    rows_of,
    same_groups,
)
from slipway.platform.data.merge_write import write_merged
from slipway.platform.data.schema import BOXES, IDENTITIES, INDEX, SLICE_PREFIX
from slipway.platform.data.snapshot import Snapshot

Take = Literal["ours", "theirs"]

PLACE: Final = ("shard", "offset", "length")


@dataclass(frozen=True)
class Merged:
    """The tables of the result, and what stands against it."""

    index: pa.Table
    boxes: pa.Table
    identities: pa.Table
    conflicts: tuple[Conflict, ...]


class MergeConflict(LabelConflict):
    """Two sides say different things; nothing was written."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        number = len(conflicts)
        super().__init__(
            f"{number} conflict{'s' if number != 1 else ''} between the two sides. Nothing was written.",
            mend="Correct one side, or add --take ours or --take theirs to let one side hold for all of them.",
        )
        self.conflicts = tuple(conflicts)


def merge(ours: Snapshot, theirs: Snapshot, base: Snapshot | None, target: Path, take: Take | None = None) -> Manifest:
    """Write the merged snapshot to a folder; a `MergeConflict` lists what stands against it."""
    merged = settled(ours, theirs, base, take)
    return write_merged((merged.index, merged.boxes, merged.identities), (ours, theirs, base), target)


def settled(ours: Snapshot, theirs: Snapshot, base: Snapshot | None, take: Take | None = None) -> Merged:
    """The merged rows, or a `MergeConflict` that lists what stands against them."""
    merged = merge_tables(ours, theirs, base, take)
    if merged.conflicts and take is None:
        raise MergeConflict(merged.conflicts)
    return merged


def merge_tables(ours: Snapshot, theirs: Snapshot, base: Snapshot | None, take: Take | None = None) -> Merged:
    """Merge the rows alone; shards are not looked at. Conflicts are listed also where `take` decides them."""
    return _Merge(ours, theirs, base, {"ours": OURS, "theirs": THEIRS, None: CONFLICT}[take]).result()


class _Merge:
    """One merge: samples and identities as integers, and a choice of side for everything said of them."""

    def __init__(self, ours: Snapshot, theirs: Snapshot, base: Snapshot | None, decided: int) -> None:
        self._decided = decided
        self._conflicts: list[Conflict] = []
        sides = ((ours.index, ours.boxes), (theirs.index, theirs.boxes))
        if base is not None:
            sides = settled_labels(ours, theirs, base)
        index = _three(sides[0][0], sides[1][0], base.index if base else None)
        boxes = _three(sides[0][1], sides[1][1], base.boxes if base else None)
        coded = codes((*index, *boxes), ("sample",))
        self._number = 1 + max((int(one.max()) for one in coded if len(one)), default=-1)
        self._boxes = boxes
        self._box_keys: tuple[Ints, Ints, Ints] = (coded[3], coded[4], coded[5])
        self._images = rows_of(index, (coded[0], coded[1], coded[2]), self._number)
        self._identities = _three(ours.identities, theirs.identities, base.identities if base else None)

    def result(self) -> Merged:
        """The tables, sorted as a writer sorts them."""
        columns = self._metadata()
        labels, labels_changed = self._choose_labels()
        choices = {name: choose_value(self._images, name) for name in columns}
        changed = _any([labels_changed, *(touched for _, touched in choices.values())])
        kept = self._settle_removals(changed)
        order = self._in_order(np.flatnonzero(kept))
        chosen = {name: self._settle(name, choice, order) for name, (choice, _) in choices.items()}
        chosen |= {"label_state": self._settle_labels(labels, order)}
        index = self._index(order, chosen)
        boxes = self._merged_boxes(order, chosen["label_state"])
        identities = self._merged_identities(boxes)
        return Merged(index, boxes, identities, tuple(self._conflicts))

    def _metadata(self) -> list[str]:
        """What is known of an image besides its bytes, its place and its labels."""
        names = {name for table in self._images.tables for name in table.column_names}
        slices = sorted(name for name in names if name.startswith(SLICE_PREFIX))
        return [name for name in INDEX.names if name not in {"sample", "label_state", *PLACE}] + slices

    def _choose_labels(self) -> tuple[Choice, tuple[Mask, Mask]]:
        """Whose boxes and label state hold: they are one label."""
        same = same_groups(self._boxes, self._box_keys, self._number)
        ours, theirs, base = self._images.values("label_state")
        bare = [np.bincount(keys, minlength=self._number) == 0 for keys in self._box_keys]
        together = (same[0] & (ours == theirs), same[1] & (ours == base), same[2] & (theirs == base))
        silent = (bare[0] & (ours < 0), bare[1] & (theirs < 0))
        return choose(self._images.present, together, silent), (~together[1], ~together[2])

    def _settle_removals(self, changed: tuple[Mask, Mask]) -> Mask:
        found = keep(self._images.present, changed)
        self._conflicts += removal_conflicts(self._images, np.flatnonzero(found.contested))
        if self._decided == CONFLICT:
            return found.kept
        return found.kept | (found.contested & self._images.present[self._decided])

    def _settle(self, column: str, choice: Choice, keys: Ints) -> Choice:
        """A column's choice without conflicts; they are noted."""
        undecided = keys[choice[keys] == CONFLICT]
        if column == "source":  # the same bytes from two places: either is true, and one is taken whatever the order
            ours, theirs = (_texts(self._images, column, undecided, side) for side in (OURS, THEIRS))
            choice[undecided] = np.where(ours <= theirs, OURS, THEIRS)
            return choice
        self._conflicts += value_conflicts(self._images, undecided, column, "sample")
        return _decide(choice, self._decided)

    def _settle_labels(self, choice: Choice, keys: Ints) -> Choice:
        undecided = keys[choice[keys] == CONFLICT]
        self._conflicts += label_conflicts(self._images, undecided, self._boxes)
        return _decide(choice, self._decided)

    def _in_order(self, keys: Ints) -> Ints:
        """Keys sorted by sample."""
        side = np.where(self._images.present[0], OURS, THEIRS).astype(np.int8)
        names = gather(self._images, "sample", keys, side, pa.string())
        return keys[sorted_positions(names)]

    def _index(self, order: Ints, chosen: dict[str, Choice]) -> pa.Table:
        only = np.where(self._images.present[0], OURS, THEIRS).astype(np.int8)
        chosen = chosen | {"sample": only} | dict.fromkeys(PLACE, self._places(order, only))
        slices = sorted(name for name in chosen if name.startswith(SLICE_PREFIX))
        schema = pa.schema([*INDEX, *(pa.field(name, pa.string()) for name in slices)])
        return table_of([gather(self._images, one.name, order, chosen[one.name], one.type) for one in schema], schema)

    def _places(self, order: Ints, only: Choice) -> Choice:
        """Where an image's bytes are, if both sides have them: the shard whose name comes first."""
        both = order[self._images.present[0][order] & self._images.present[1][order]]
        first, second = (_texts(self._images, "shard", both, side) for side in (OURS, THEIRS))
        offsets = [
            self._images.tables[side]["offset"].to_numpy()[self._images.positions[side][both]] for side in (0, 1)
        ]
        places = only.copy()
        earlier = (second < first) | ((second == first) & (offsets[THEIRS] < offsets[OURS]))
        places[both[earlier]] = THEIRS
        return places

    def _merged_boxes(self, order: Ints, labels: Choice) -> pa.Table:
        """The boxes of every image, all from one side."""
        rank = np.full(self._number, -1, np.int64)
        rank[order] = np.arange(len(order))
        rows = [
            np.flatnonzero((rank[self._box_keys[side]] >= 0) & (labels[self._box_keys[side]] == side))
            for side in (OURS, THEIRS)
        ]
        parts = [take(self._boxes[side], rows[side]).select(BOXES.names).cast(BOXES) for side in (OURS, THEIRS)]
        ranks = np.concatenate([rank[self._box_keys[side][rows[side]]] for side in (OURS, THEIRS)])
        return take(pa.concat_tables(parts), np.argsort(ranks, kind="stable"))

    def _merged_identities(self, boxes: pa.Table) -> pa.Table:
        """Individuals by the same rule; one that a box still names stays."""
        coded = codes(self._identities, ("identity",))
        number = 1 + max((int(one.max()) for one in coded if len(one)), default=-1)
        rows = rows_of(self._identities, (coded[0], coded[1], coded[2]), number)
        columns = [name for name in IDENTITIES.names if name != "identity"]
        choices = {name: choose_value(rows, name) for name in columns}
        found = keep(rows.present, _any([touched for _, touched in choices.values()]))
        there = np.flatnonzero(rows.present[0] | rows.present[1])
        only = np.where(rows.present[0], OURS, THEIRS).astype(np.int8)
        names = gather(rows, "identity", there, only, pa.string())
        used = within(names, distinct(boxes["identity"]))
        stays = found.kept[there] | found.contested[there] | used
        order = there[stays]
        order = order[sorted_positions(gather(rows, "identity", order, only, pa.string()))]
        for name, (choice, _) in choices.items():
            self._conflicts += value_conflicts(rows, order[choice[order] == CONFLICT], name, "identity")
        chosen = {name: _decide(choice, self._decided) for name, (choice, _) in choices.items()} | {"identity": only}
        return table_of([gather(rows, one.name, order, chosen[one.name], one.type) for one in IDENTITIES], IDENTITIES)


def _three(ours: pa.Table, theirs: pa.Table, base: pa.Table | None) -> Tables:
    """A missing base is one without rows."""
    return ours, theirs, ours.slice(0, 0) if base is None else base


def _any(changed: list[tuple[Mask, Mask]]) -> tuple[Mask, Mask]:
    return (np.logical_or.reduce([one for one, _ in changed]), np.logical_or.reduce([other for _, other in changed]))


def _decide(choice: Choice, decided: int) -> Choice:
    """Without a decision ours stands in; the conflict is noted and nothing is written."""
    return np.where(choice == CONFLICT, OURS if decided == CONFLICT else decided, choice).astype(np.int8)


def _texts(rows: Rows, column: str, keys: Ints, side: int) -> NDArray[np.object_]:
    return texts(take(rows.tables[side].select([column]), rows.positions[side][keys])[column])
