"""The rows of snapshots: which samples and identities they have, and which of them a run learned from.

The tables are those of this machine, or are fetched; images never are. A snapshot whose tables are not to be had is
told of, and the rest is gone on with.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from slipway.platform.data.columns import beginning, where, within
from slipway.platform.data.errors import DataError
from slipway.platform.data.fetch import bring_files
from slipway.platform.data.manifest import NAME
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, load_record, recorded
from slipway.platform.data.snapshot import TABLES, Snapshot
from slipway.platform.data.view import View
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.errors import SlipwayError
from slipway.platform.lineage.things import many
from slipway.platform.store import StoreError

log = logging.getLogger(__name__)

TRAIN = "train"


class Tables:
    """The tables of all snapshots that the store knows."""

    def __init__(self, project: Project, watcher: Watcher = SILENT) -> None:
        self._project, self._watcher = project, watcher
        self._open: dict[str, Snapshot | None] = {}
        self._records: dict[str, Record | None] = {}
        self.remarks: list[str] = []

    def digests(self) -> list[str]:
        """The snapshots that are known: the store's, and the working one."""
        here = self._working
        return list(dict.fromkeys([*([here.digest] if here else []), *recorded(self._project.store)]))

    def record(self, digest: str) -> Record | None:
        """The store's record of a snapshot; one that is damaged is told of and counts as none."""
        if digest not in self._records:
            try:
                self._records[digest] = load_record(self._project.store, digest)
            except DataError as error:
                self.remarks.append(str(error))
                self._records[digest] = None
        return self._records[digest]

    def get(self, digest: str) -> Snapshot | None:
        """The tables of a snapshot, or nothing where they are not to be had."""
        if digest not in self._open:
            self._open[digest] = self._opened(digest)
        return self._open[digest]

    def samples(self, prefix: str, *, fetch: bool) -> list[str]:
        """The samples whose digest begins so; without `fetch` those of tables that are on this machine."""
        found = (beginning(one.index["sample"], prefix) for one in self._all(fetch=fetch))
        return sorted({sample for samples in found for sample in samples})

    def row(self, sample: str, *, fetch: bool) -> Mapping[str, Any]:
        """What a snapshot that has it says of a sample."""
        rows = (where(one.index, within(one.index["sample"], [sample])).to_pylist() for one in self._all(fetch=fetch))
        return next(found[0] for found in rows if found)

    def identity(self, name: str, *, fetch: bool) -> Mapping[str, Any] | None:
        """What a snapshot says of an individual, if one has it."""
        everywhere = self._all(fetch=fetch)
        rows = (where(one.identities, within(one.identities["identity"], [name])).to_pylist() for one in everywhere)
        return next((found[0] for found in rows if found), None)

    def whereabouts(
        self, *, sample: str = "", identity: str = ""
    ) -> Iterator[tuple[Snapshot, Mapping[str, int], list[str]]]:
        """The snapshots with it, its images in each split, and the shards that hold them."""
        for snapshot in self._all(fetch=True):
            table = _images(snapshot, sample, identity)
            if table.num_rows:
                splits = Counter(map(str, table["split"].to_pylist()))
                yield snapshot, splits, sorted(set(map(str, table["shard"].to_pylist())))

    def learned(self, snapshot: Snapshot, view: Mapping[str, Any], *, sample: str = "", identity: str = "") -> str:
        """What a run with this view did with the sample, or with the individual's images; empty where nothing."""
        seen = _seen(view, snapshot, _images(snapshot, sample, identity))
        splits = Counter(map(str, seen["split"].to_pylist()))
        if splits[TRAIN]:
            return "trained on" if sample else f"{many(splits[TRAIN], 'image')} trained on"
        return f"judged on as {' and '.join(sorted(splits))}" if splits else ""

    def counts(self, snapshot: Snapshot, view: Mapping[str, Any]) -> Mapping[str, int]:
        """How many images of each split a run with this view has seen."""
        return Counter(str(split) for split in _seen(view, snapshot, snapshot.index)["split"].to_pylist())

    def _all(self, *, fetch: bool) -> Iterator[Snapshot]:
        """The working snapshot first."""
        known = (self.get(digest) if fetch else self._here(digest) for digest in self.digests())
        return (found for found in known if found is not None)

    def _here(self, digest: str) -> Snapshot | None:
        """The tables where they are on this machine already."""
        folder = self._project.cache.snapshot(digest)
        if digest in self._open or all((folder / name).is_file() for name in (NAME, *TABLES)):
            return self.get(digest)
        working = self._working
        return working if working is not None and working.digest == digest else None

    def _opened(self, digest: str) -> Snapshot | None:
        working = self._working
        if working is not None and working.digest == digest:
            return working
        try:
            record = self.record(digest)
            if record is None:
                self.remarks.append(f"The store has no record of snapshot {digest[:12]}.")
                return None
            bring_files(record, [NAME, *TABLES], self._project.cache, self._project.remote, self._watcher)
            return Snapshot(self._project.cache.snapshot(digest))
        except (DataError, StoreError) as error:
            self.remarks.append(f"The tables of snapshot {digest[:12]} are not to be had: {error}")
            return None

    @cached_property
    def _working(self) -> Snapshot | None:
        try:
            return Snapshot(self._project.data)
        except DataError:
            return None


def _images(snapshot: Snapshot, sample: str, identity: str) -> Any:  # noqa: ANN401 - a table of Arrow
    """The rows of a sample, or of an individual's images."""
    if sample:
        return where(snapshot.index, within(snapshot.index["sample"], [sample]))
    boxes = where(snapshot.boxes, within(snapshot.boxes["identity"], [identity]))
    return where(snapshot.index, within(snapshot.index["sample"], boxes["sample"]))


def _seen(view: Mapping[str, Any], snapshot: Snapshot, table: Any) -> Any:  # noqa: ANN401 - tables of Arrow
    """The rows of the table that a view selects; what a view says of a snapshot was checked when the run was named."""
    try:
        selected = View.of(dict(view.get("where", ()))).select(snapshot.index)
    except SlipwayError as error:
        log.info("A run's view does not fit snapshot %s: %s", snapshot.digest[:12], error)
        return table.slice(0, 0)
    return where(table, within(table["sample"], selected["sample"]))
