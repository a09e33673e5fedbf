"""Runs in a notebook: `slipway.platform.runs.get("quiet-heron-412")`.

Everything is read from the store when it is asked for, by plain calls that block: nothing here needs, or disturbs, a
running event loop. Tables come as pandas data frames, pictures as PIL images. Nothing is changed.
"""

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import SlipwayError
from slipway.platform.runs.comparing.reasons import Tried, attempts_of
from slipway.platform.runs.find import find, load_parts
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Result, State
from slipway.platform.runs.results import fetch_file, load_evaluation, load_result
from slipway.platform.runs.standing import Here, Standing, standing
from slipway.platform.store import Store, open_store

if TYPE_CHECKING:
    import pandas as pd
    from PIL.Image import Image

    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.settings import Loaded

PREDICTIONS: Final = "predictions.parquet"
SAMPLES: Final = "samples.parquet"
COLUMNS: Final = 4
SHOWN: Final = 6


def get(run: str, *, folder: Path | str | None = None) -> "Run":
    """The run of this name, or whose key begins so, in the context of the project around `folder`, or around here."""
    from slipway.platform.settings import load

    loaded = load(Path(folder) if folder is not None else Path.cwd(), os.environ)
    store = open_store(loaded.settings.store, loaded.settings.s3)
    return Run(loaded, store, find(store, run))


class Run:
    """A piece of work and what came of it."""

    def __init__(self, loaded: "Loaded", store: Store, key: str) -> None:
        self._loaded, self._store, self.key = loaded, store, key

    @property
    def standing(self) -> Standing:
        """How far it is, now."""
        return standing(self._store, self.key, Here.at(self._loaded.root))

    @property
    def state(self) -> State | None:
        """The same in a word; None before anybody has begun."""
        return self.standing.state

    @property
    def name(self) -> str:
        """Its readable name."""
        spec = self.standing.spec
        return spec.name if spec else self.key

    @cached_property
    def parts(self) -> Parts:
        """All that decides the weights."""
        return load_parts(self._store, self.key)

    @property
    def model(self) -> str:
        """The model that was trained."""
        return self.parts.model

    @property
    def config(self) -> Mapping[str, Any]:
        """The composed config, as far as it decides the weights."""
        return self.parts.config

    @property
    def metrics(self) -> Mapping[str, float]:
        """The last value of each metric; of a run that is not done, as far as its progress says."""
        result = load_result(self._store, self.key)
        if result is not None:
            return result.metrics
        heartbeat = self.standing.heartbeat
        told = heartbeat.progress if heartbeat else {}
        return {name: float(told[name]) for name in ("loss", "metric") if told.get(name) is not None}

    @property
    def result(self) -> Result:
        """What came of it; a run without a result has none."""
        result = load_result(self._store, self.key)
        if result is None:
            raise SlipwayError(f"{self.name} has no result: {self.standing.told()}", mend="Wait until it is done.")
        return result

    @property
    def attempts(self) -> tuple[Tried, ...]:
        """Every execution, and how it ended."""
        return tuple(attempts_of(self._store, self.standing))

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """The judgement on the test split: `evaluation`, `baseline`, `differences`, each with intervals and slices."""
        return load_evaluation(self._store, self.result)

    def file(self, name: str) -> Path:
        """A file of the result on this machine, such as `weights.safetensors`; names are those of `result.files`."""
        path = self._loaded.root / ".slipway" / "results" / self.key / name
        result = self.result
        known = result.files.get(name)
        if known is None or not path.is_file() or path.stat().st_size != known.size:
            fetch_file(self._store, result, name, path)
        return path

    def read(self, name: str) -> bytes:
        """The bytes of a file of the result."""
        with TemporaryDirectory(prefix="slipway-") as scratch:
            path = Path(scratch) / Path(name).name
            fetch_file(self._store, self.result, name, path)
            return path.read_bytes()

    def predictions(self) -> "pd.DataFrame":
        """What the model says of each row of the test split."""
        return _frame(self.read(PREDICTIONS))

    def samples(self) -> "pd.DataFrame":
        """What was judged, row by row: `sample`, `error` (greater is worse), and the slices that it is in."""
        return _frame(self.read(SAMPLES))

    def history(self) -> "pd.DataFrame":
        """Every measured value: `metric`, `step`, `value`, `time`."""
        from slipway.platform.runs.comparing.curves import history

        frame: pd.DataFrame = history(self._store, self.key).to_pandas()
        return frame

    def worst(self, count: int = 12) -> "Worst":
        """The samples with the greatest errors, with their pictures where the snapshot is on this machine."""
        table = self.samples().sort_values("error", ascending=False, kind="stable").head(count)
        return Worst(table.reset_index(drop=True), f"{self.name}: the worst {len(table)}", self.snapshot)

    @cached_property
    def snapshot(self) -> "Snapshot | None":
        """The data, where it is on this machine."""
        from slipway.platform.data.manifest import NAME
        from slipway.platform.data.objects import Cache
        from slipway.platform.data.snapshot import Snapshot

        folder = Cache(self._loaded.settings.data.cache).snapshot(self.parts.snapshot)
        return Snapshot(folder) if (folder / NAME).is_file() else None

    def __repr__(self) -> str:
        now = self.standing
        final = {name: value for name, value in self.metrics.items() if name.startswith("test/")}
        told = [f"{name} {value:.4g}" for name, value in (final or self.metrics).items()]
        measured = f" {', '.join(told[:SHOWN])}" if told else ""
        return f"<Run {self.name} of {self.model} ({self.key[:11]}): {now.told()}{measured}>"


@dataclass(frozen=True)
class Worst:
    """Samples that went wrong. A notebook shows them as one picture; `table` has the rows, `pictures` the images."""

    table: "pd.DataFrame"
    title: str
    snapshot: "Snapshot | None" = None

    @cached_property
    def pictures(self) -> "list[Image | None]":
        """The image of each row, None where it is not on this machine."""
        places = self._places()
        return [self._picture(places.get(sample)) for sample in self.table["sample"]]

    def sheet(self) -> "Image | None":
        """All of them on one picture, None without the snapshot."""
        import pyarrow as pa

        from slipway.platform.data.gallery import contact_sheet

        places = self._places()
        rows = [places[sample] for sample in self.table["sample"] if sample in places]
        if self.snapshot is None or not rows:
            return None
        notes = {
            sample: f"error {error:.3f}"
            for sample, error in zip(self.table["sample"], self.table["error"], strict=True)
        }
        index = pa.Table.from_pylist(rows, schema=self.snapshot.index.schema)
        return contact_sheet(self.snapshot, index, self.title, columns=COLUMNS, notes=notes)

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> "Iterator[tuple[Mapping[str, Any], Image | None]]":
        """Each row with its image."""
        return iter(zip(self.table.to_dict("records"), self.pictures, strict=True))  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"{self.title}\n{self.table.to_string()}"

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows."""
        sheet = self.sheet()
        if sheet is None:
            return None
        written = io.BytesIO()
        sheet.save(written, "PNG")
        return written.getvalue()

    def _places(self) -> dict[str, dict[str, Any]]:
        """The rows of `index` of these samples."""
        if self.snapshot is None:
            return {}
        import pyarrow as pa
        import pyarrow.compute as pc

        index = self.snapshot.index
        wanted = pa.array(list(self.table["sample"]), pa.string())
        rows = index.filter(pc.is_in(index["sample"], value_set=wanted)).to_pylist()
        return {row["sample"]: row for row in rows}

    def _picture(self, place: Mapping[str, Any] | None) -> "Image | None":
        from slipway.platform.data.errors import SnapshotDamaged
        from slipway.platform.data.pictures import opened

        if place is None or self.snapshot is None:
            return None
        try:
            data = self.snapshot.image(place["shard"], place["offset"], place["length"])
        except SnapshotDamaged:  # only a part of the snapshot is on this machine
            return None
        return opened(data).convert("RGB")


def _frame(data: bytes) -> "pd.DataFrame":
    import pyarrow.parquet as pq

    frame: pd.DataFrame = pq.read_table(io.BytesIO(data)).to_pandas()
    return frame
