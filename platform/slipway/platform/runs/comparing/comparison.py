"""Runs side by side: what went in, what came out, how it went. Data only; printing and drawing are others' work.

The first run is what the others are held against. A measure is *apart* from the first's when their 95 % intervals do
not meet, which is a strict test; that they do meet proves nothing. Runs that were judged on other data are not
comparable, and are said to be so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.data.record import load_record
from slipway.platform.runs.comparing.curves import history
from slipway.platform.runs.comparing.differences import Kind, differences
from slipway.platform.runs.comparing.measured import Measured, measured
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.records import Result
from slipway.platform.runs.results import load_evaluation
from slipway.platform.runs.standing import Here, Standing, standing
from slipway.platform.runs.tracking.binding import bound
from slipway.platform.runs.tracking.tracker import Tracker, TrackingError
from slipway.platform.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

SHARDS: Final = "shards"
"""The part that stands for the files of the snapshots."""


@dataclass(frozen=True)
class Side:
    """One of the runs."""

    name: str
    parts: Parts
    standing: Standing
    evaluation: Mapping[str, Any]
    """`evaluation.json`; empty where there is none yet."""
    curves: "pa.Table"
    files: Mapping[str, int] = field(default_factory=dict)
    """The snapshot's files with their sizes, by name and digest; empty where its record is not at hand."""

    @property
    def result(self) -> Result | None:
        """What came of it."""
        return self.standing.result

    @property
    def judged(self) -> Mapping[str, Any]:
        """The judgement of its own predictions."""
        found = self.evaluation.get("evaluation")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True)
class Differing:
    """One thing that is not the same in all runs; None where a run has none of it."""

    part: str
    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Comparison:
    """All of it."""

    sides: tuple[Side, ...]
    remarks: tuple[str, ...] = ()

    @cached_property
    def inputs(self) -> list[Differing]:
        """What differs in what went in, in the order in which a person should look at it."""
        first = self.sides[0].parts
        found: dict[tuple[Kind, str], dict[int, Any]] = {}
        before: dict[tuple[Kind, str], Any] = {}
        for place, side in enumerate(self.sides):
            for one in differences(first, side.parts):
                found.setdefault((one.part, one.name), {})[place] = one.after
                before[one.part, one.name] = one.before
        order = list(Kind)
        names = sorted(found, key=lambda which: (order.index(which[0]), which[1]))
        places = range(len(self.sides))
        return [
            Differing(part.value, name, tuple(found[part, name].get(place, before[part, name]) for place in places))
            for part, name in names
        ]

    @cached_property
    def shards(self) -> list[Differing]:
        """Files of the snapshots that not all have, with their sizes."""
        if not all(side.files for side in self.sides):
            return []
        names = sorted({name for side in self.sides for name in side.files})
        rows = [Differing(SHARDS, name, tuple(side.files.get(name) for side in self.sides)) for name in names]
        return [row for row in rows if None in row.values]

    @cached_property
    def measures(self) -> list[Measured]:
        """Every metric, overall first and then by slice."""
        return measured([side.judged for side in self.sides])

    @property
    def same_work(self) -> bool:
        """Whether all are one piece of work."""
        return not self.inputs

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "runs": [_run_as_data(side) for side in self.sides],
            "inputs": [_row_as_data(one) for one in (*self.inputs, *self.shards)],
            "metrics": [
                {
                    "metric": one.metric,
                    "column": one.column,
                    "slice": one.slice,
                    "falling": one.falling,
                    "values": list(one.values),
                    "changes": [one.change(place) for place in range(len(self.sides))],
                    "apart": [one.apart(place) for place in range(len(self.sides))],
                }
                for one in self.measures
            ],
            "remarks": list(self.remarks),
        }


def compare(
    store: Store, keys: Sequence[str], *, here: Here | None = None, open_tracker: Callable[[], Tracker] | None = None
) -> Comparison:
    """Read what there is of the runs; an MLflow that is away costs only curves that are nowhere else."""
    remarks: list[str] = []
    sides = tuple(_side(store, key, here, open_tracker, remarks) for key in keys)
    if len({side.parts.model for side in sides}) > 1:
        remarks.append("They are of different models: metrics of one name need not mean the same.")
    if len({(side.parts.snapshot, str(side.parts.view)) for side in sides}) > 1:
        remarks.append("They were trained and judged on different data: their metrics are not of the same rows.")
    return Comparison(sides, tuple(remarks))


def _side(
    store: Store, key: str, here: Here | None, open_tracker: Callable[[], Tracker] | None, remarks: list[str]
) -> Side:
    parts, found = load_parts(store, key), standing(store, key, here)
    record = load_record(store, parts.snapshot)
    entries = record.manifest.files if record else {}
    name = found.spec.name if found.spec else key[:11]
    return Side(
        name=name,
        parts=parts,
        standing=found,
        evaluation=load_evaluation(store, found.result),
        curves=_curves(store, key, name, open_tracker, remarks),
        files={_shown(path, entry.sha256): entry.size for path, entry in entries.items()},
    )


def _curves(
    store: Store, key: str, name: str, open_tracker: Callable[[], Tracker] | None, remarks: list[str]
) -> "pa.Table":
    """The journal's, or else MLflow's."""
    curves = history(store, key)
    if curves.num_rows or open_tracker is None or bound(store, key) is None:
        return curves
    try:
        tracker = open_tracker()
        try:
            return history(store, key, tracker)
        finally:
            tracker.close()
    except TrackingError as error:
        remarks.append(f"The curves of {name} are missing: {error}")
        return curves


def _shown(path: str, sha256: str) -> str:
    """A shard is named by its digest already, the tables are not."""
    return path if sha256 in path else f"{path} ({sha256[:12]})"


def _run_as_data(side: Side) -> dict[str, Any]:
    spec, result = side.standing.spec, side.result
    return {
        "name": side.name,
        "key": side.parts.key,
        "model": side.parts.model,
        "snapshot": side.parts.snapshot,
        "state": side.standing.state.value if side.standing.state else None,
        "submitted_by": spec.submitted_by if spec else None,
        "created": spec.created.isoformat() if spec else None,
        "note": spec.note if spec else "",
        "steps": result.steps if result else None,
        "seconds": result.seconds if result else None,
        "metrics": dict(result.metrics) if result else {},
    }


def _row_as_data(row: Differing) -> dict[str, Any]:
    return {"part": row.part, "name": row.name, "values": list(row.values)}
