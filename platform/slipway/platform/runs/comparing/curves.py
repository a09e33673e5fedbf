"""The curves of a run: every measured value by step, as a table.

The journal in the store is the source: it is exact, and it needs no server. MLflow is asked for a run whose journal is
not there yet, such as one that is under way somewhere else.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.platform.runs.journal import events
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.standing import numbers
from slipway.platform.runs.tracking.binding import bound
from slipway.platform.runs.tracking.catching_up import join_pieces
from slipway.platform.runs.tracking.chunk import as_float
from slipway.platform.runs.tracking.tracker import Point, Tracker
from slipway.platform.store import Store

if TYPE_CHECKING:
    import pyarrow as pa


def history(store: Store, key: str, tracker: Tracker | None = None) -> "pa.Table":
    """Columns `metric`, `step`, `value`, `time` (UTC), sorted; one row for each metric and step."""
    points = list(journal_points(store, key))
    if not points and tracker is not None:
        points = list(tracked_points(store, key, tracker))
    return table_of(points)


def journal_points(store: Store, key: str) -> Iterator[Point]:
    """What the newest journal that is stored says."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        path = Path(scratch) / "journal.jsonl"
        for number in reversed(numbers(store, key)):
            join_pieces(store, WorkKeys(key).attempt(number).journal, path)
            if path.stat().st_size:
                yield from points_in(path)
                return


def tracked_points(store: Store, key: str, tracker: Tracker) -> Iterator[Point]:
    """What MLflow knows."""
    binding = bound(store, key)
    run = tracker.look(binding.run_id) if binding else None
    for metric in run.last if run else ():
        yield from tracker.history(run.run_id, metric) if run else ()


def points_in(journal: Path) -> Iterator[Point]:
    """A journal's values; of a step that was repeated the first one."""
    last: dict[str, int] = {}
    for event, _ in events(journal):
        if event["kind"] != "metrics":
            continue
        step, moment = int(event["step"]), int(event["time"] * 1000)
        for metric, value in event["values"].items():
            number = as_float(value)
            if number is not None and step > last.get(metric, -1):
                last[metric] = step
                yield Point(metric, number, step, moment)


def table_of(points: Iterable[Point]) -> "pa.Table":
    """Points as a table, by metric and step."""
    import pyarrow as pa

    rows = sorted(points, key=lambda point: (point.metric, point.step, point.time))
    return pa.table(
        {
            "metric": pa.array([row.metric for row in rows], pa.string()),
            "step": pa.array([row.step for row in rows], pa.int64()),
            "value": pa.array([row.value for row in rows], pa.float64()),
            "time": pa.array([row.time for row in rows], pa.timestamp("ms", "UTC")),
        }
    )


def points_by_metric(table: "pa.Table") -> dict[str, list[tuple[int, float]]]:
    """Steps and values of each metric, as `history` gives them."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in table.to_pylist():
        found.setdefault(str(row["metric"]), []).append((int(row["step"]), float(row["value"])))
    return found
