"""The tables of all snapshots: which of them have a sample or an individual, and what runs have seen of them.

The tables are those of this machine, or are fetched; images never are. A snapshot whose tables are not to be had is
told of, and the rest is gone on with.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from slipway.platform.canonical import canonical
from slipway.platform.data.errors import DataError
from slipway.platform.data.fetch import bring_files
from slipway.platform.data.manifest import NAME
from slipway.platform.data.project import Project
from slipway.platform.data.record import Record, load_record, recorded
from slipway.platform.data.view import View
from slipway.platform.data.watching import SILENT, Watcher
from slipway.platform.lineage.noting import note, noted
from slipway.platform.store import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.platform.lineage.rows import Rows

FILES: Final = (NAME, *View().files)
Noted: Final = TypeAdapter(dict[str, int])


class Tables:
    """The tables of all snapshots that the store knows; without `fetch`, those that are on this machine."""

    def __init__(self, project: Project, watcher: Watcher = SILENT, *, fetch: bool = True) -> None:
        self._project, self._watcher, self._fetch = project, watcher, fetch
        self._open: dict[str, Rows | None] = {}
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

    def get(self, digest: str) -> "Rows | None":
        """The tables of a snapshot, or nothing where they are not to be had."""
        if digest not in self._open:
            self._open[digest] = self._opened(digest)
        return self._open[digest]

    def samples(self, prefix: str, *, fetch: bool) -> list[str]:
        """The samples whose digest begins so; without `fetch` those of tables that are on this machine."""
        return sorted({sample for one in self._all(fetch=fetch) for sample in one.samples(prefix)})

    def row(self, sample: str, *, fetch: bool) -> Mapping[str, Any]:
        """What a snapshot that has it says of a sample."""
        return next(row for one in self._all(fetch=fetch) if (row := one.sample(sample)) is not None)

    def identity(self, name: str, *, fetch: bool) -> Mapping[str, Any] | None:
        """What a snapshot says of an individual, if one has it."""
        rows = (one.individual(name) for one in self._all(fetch=fetch))
        return next((row for row in rows if row is not None), None)

    def whereabouts(
        self, *, sample: str = "", identity: str = ""
    ) -> Iterator[tuple["Rows", Mapping[str, int], list[str]]]:
        """The snapshots with it, its images in each split, and the shards that hold them."""
        for one in self._all(fetch=True):
            splits, shards = one.held(sample=sample, identity=identity)
            if splits:
                yield one, splits, shards

    def counts(self, digest: str, view: Mapping[str, Any]) -> Mapping[str, int] | None:
        """How many images of each split a run with this view has seen; None where the tables are not to be had.

        That never changes, so this machine notes it, and no table is opened for it again.
        """
        key = hashlib.sha256(canonical([digest, view])).hexdigest()
        path = self._project.settings.data.cache / "lineage" / "counts" / f"{key}.json"
        with suppress(ValueError):
            return Noted.validate_json(noted(path))
        rows = self.get(digest)
        if rows is None:
            return None
        counts = rows.counts(view)
        if rows.as_named():
            note(path, canonical(counts))
        return counts

    def _all(self, *, fetch: bool) -> Iterator["Rows"]:
        """The working snapshot first."""
        known = (self.get(digest) if fetch else self._here(digest) for digest in self.digests())
        return (found for found in known if found is not None)

    def _here(self, digest: str) -> "Rows | None":
        """The tables where they are on this machine already."""
        if digest in self._open or self._is_here(digest):
            return self.get(digest)
        working = self._working
        return working if working is not None and working.digest == digest else None

    def _is_here(self, digest: str) -> bool:
        folder = self._project.cache.snapshot(digest)
        return all((folder / name).is_file() for name in FILES)

    def _opened(self, digest: str) -> "Rows | None":
        working = self._working
        if working is not None and working.digest == digest:
            return working
        try:
            record = self.record(digest)
            if record is not None and not self._fetch and not self._is_here(digest):
                self.remarks.append(f"The tables of snapshot {digest[:12]} are not on this machine.")
                return None
            if record is None:
                self.remarks.append(f"The store has no record of snapshot {digest[:12]}.")
                return None
            bring_files(record, FILES, self._project.cache, self._project.remote, self._watcher)
            return _rows(self._project.cache.snapshot(digest))
        except (DataError, StoreError) as error:
            self.remarks.append(f"The tables of snapshot {digest[:12]} are not to be had: {error}")
            return None

    @cached_property
    def _working(self) -> "Rows | None":
        try:
            return _rows(self._project.data)
        except DataError:
            return None


def _rows(folder: "Path") -> "Rows":
    """Here Arrow is imported, not before."""
    from slipway.platform.lineage.rows import Rows

    return Rows(folder)
