"""The rows of one snapshot: which samples and individuals it has, and which of them a run has seen.

Whoever asks opens the tables of Arrow with it, which takes its time; `tables` does so only where it must.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.data.columns import beginning, where, within
from slipway.platform.data.snapshot import Snapshot, file_digest
from slipway.platform.data.view import View
from slipway.platform.errors import SlipwayError
from slipway.platform.lineage.things import many

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from slipway.platform.data.manifest import Manifest

log = logging.getLogger(__name__)

TRAIN: Final = "train"
INDEX: Final = "index.parquet"


class Rows:
    """Answers for one snapshot."""

    def __init__(self, folder: "Path") -> None:
        self._snapshot = Snapshot(folder)

    @property
    def manifest(self) -> "Manifest":
        """What the snapshot is made of."""
        return self._snapshot.manifest

    @property
    def digest(self) -> str:
        """The snapshot's name."""
        return self._snapshot.digest

    def samples(self, prefix: str) -> list[str]:
        """The samples whose digest begins so."""
        return beginning(self._snapshot.index["sample"], prefix)

    def sample(self, digest: str) -> Mapping[str, Any] | None:
        """What it says of a sample, if it has it."""
        return _first(self._images(digest, ""))

    def individual(self, name: str) -> Mapping[str, Any] | None:
        """What it says of an individual, if it has one of that name."""
        table = self._snapshot.identities
        return _first(where(table, within(table["identity"], [name])))

    def held(self, *, sample: str = "", identity: str = "") -> tuple[Mapping[str, int], list[str]]:
        """How many images of a sample, or of an individual, are in each split, and the shards that hold them."""
        table = self._images(sample, identity)
        return Counter(map(str, table["split"].to_pylist())), sorted(set(map(str, table["shard"].to_pylist())))

    def learned(self, view: Mapping[str, Any], *, sample: str = "", identity: str = "") -> str:
        """What a run with this view did with the sample, or with the individual's images; empty where nothing."""
        splits = self._splits(view, self._images(sample, identity))
        if splits[TRAIN]:
            return "trained on" if sample else f"{many(splits[TRAIN], 'image')} trained on"
        return f"judged on as {' and '.join(sorted(splits))}" if splits else ""

    def counts(self, view: Mapping[str, Any]) -> Mapping[str, int]:
        """How many images of each split a run with this view has seen."""
        return self._splits(view, self._snapshot.index)

    def as_named(self) -> bool:
        """Whether the images' table is the one that the snapshot's name stands for."""
        return file_digest(self._snapshot.folder / INDEX) == self.manifest.files[INDEX].sha256

    def _images(self, sample: str, identity: str) -> "pa.Table":
        """The rows of a sample, or of an individual's images."""
        index = self._snapshot.index
        if sample:
            return where(index, within(index["sample"], [sample]))
        boxes = self._snapshot.boxes
        its = where(boxes, within(boxes["identity"], [identity]))
        return where(index, within(index["sample"], its["sample"]))

    def _splits(self, view: Mapping[str, Any], table: "pa.Table") -> Counter[str]:
        """Of the table's rows that a view selects; what it says of a snapshot was checked when the run was named."""
        try:
            selected = View.of(dict(view.get("where", ()))).select(self._snapshot.index)
        except SlipwayError as error:
            log.info("A run's view does not fit snapshot %s: %s", self.digest[:12], error)
            return Counter()
        return Counter(map(str, where(table, within(table["sample"], selected["sample"]))["split"].to_pylist()))


def _first(table: "pa.Table") -> Mapping[str, Any] | None:
    found = table.slice(0, 1).to_pylist()
    return found[0] if found else None
