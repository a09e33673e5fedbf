"""An attempt brought back into a folder, to look into it: code, config, checkpoint, log, and the batch that failed.

The folder is a workplace like the runner's, with one process whatever the config says; a batch is the same in all of
its processes together. Nothing in the store changes, and the snapshot is fetched where it is not at hand.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway.platform.errors import WrongUse
from slipway.platform.jobs.runner import checkpoints
from slipway.platform.jobs.runner.preparing import DERIVED, fetch_references
from slipway.platform.runs.code.archive import fetch_code
from slipway.platform.runs.find import load_parts
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.parts import Parts
from slipway.platform.runs.pieces import read_pieces
from slipway.platform.runs.records import Outcome, State
from slipway.platform.runs.standing import numbers
from slipway.platform.runs.workplace import Failure, Order, Workplace, write_whole
from slipway.platform.store import Store

if TYPE_CHECKING:
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.settings import Settings

BATCH: Final = "batch"
Note = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What was brought back."""

    attempt: int
    folder: Path
    outcome: Outcome | None
    checkpoint: int | None
    """The step that it goes on from; None begins at the first."""
    samples: tuple[str, ...]

    @property
    def step(self) -> int | None:
        """The step that failed."""
        return self.outcome.step if self.outcome and self.outcome.state is State.FAILED else None


def restore(
    store: Store,
    settings: "Settings",
    key: str,
    folder: Path,
    *,
    package: str,
    attempt: int | None = None,
    note: Note = lambda _: None,
) -> Restored:
    """Bring an attempt back, the last one unless another is named; what was in the folder is replaced."""
    number = _number(store, key, attempt)
    parts = load_parts(store, key)
    outcome = Outcome.load(store, WorkKeys(key).attempt(number).outcome)
    shutil.rmtree(folder, ignore_errors=True)
    place = Workplace(folder)
    place.checkpoints.mkdir(parents=True)
    fetch_code(parts.code_digest, store, place.code)
    snapshot = _snapshot(parts, settings, note)
    found = _checkpoint(store, key, number, outcome, place)
    order = _order(parts, number, package, snapshot.folder, settings, place, found)
    order = order.model_copy(update={"references": fetch_references(parts.references, store, place)})
    write_whole(place.order, order.model_dump_json(indent=1).encode())
    write_whole(place.log, read_pieces(store, WorkKeys(key).attempt(number).log))
    samples = outcome.samples if outcome else ()
    if outcome is not None and outcome.state is State.FAILED:
        failure = Failure(error=outcome.reason, traceback=outcome.traceback, step=outcome.step, samples=samples)
        write_whole(folder / "failed.json", failure.model_dump_json(indent=1).encode())
    write_batch(snapshot, samples, folder / BATCH)
    return Restored(number, folder, outcome, found.step if found else None, samples)


def write_batch(snapshot: "Snapshot", samples: Sequence[str], folder: Path) -> None:
    """The images of these samples, numbered in their order, and `labels.json` with their rows and boxes."""
    if not samples:
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    from slipway.platform.data.shards import image_format

    wanted = pa.array(list(dict.fromkeys(samples)), pa.string())
    index = {row["sample"]: row for row in _rows(snapshot.index, wanted, pc)}
    boxes = _rows(snapshot.boxes, wanted, pc)
    folder.mkdir()
    labels: list[dict[str, Any]] = []
    for place, sample in enumerate(samples):
        row = index.get(sample)
        if row is None:
            labels.append({"sample": sample, "file": None})
            continue
        data = bytes(snapshot.image(row["shard"], row["offset"], row["length"]))
        name = f"{place:04}-{sample[:12]}.{image_format(data[:16]) or 'bin'}"
        (folder / name).write_bytes(data)
        own = [box for box in boxes if box["sample"] == sample]
        labels.append({"file": name, **{key: value for key, value in row.items() if value is not None}, "boxes": own})
    (folder / "labels.json").write_text(json.dumps(labels, indent=1, default=str), encoding="utf-8")


def _rows(table: Any, samples: Any, compute: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - pyarrow's
    found: list[dict[str, Any]] = table.filter(compute.is_in(table["sample"], value_set=samples)).to_pylist()
    return found


def _number(store: Store, key: str, wanted: int | None) -> int:
    known = numbers(store, key)
    if not known or (wanted is not None and wanted not in known):
        listed = ", ".join(map(str, known)) or "none"
        raise WrongUse(
            f"There is no attempt {wanted if wanted is not None else ''} of this run.".replace("  ", " "),
            mend=f"Attempts: {listed}.",
        )
    return wanted if wanted is not None else known[-1]


def _snapshot(parts: Parts, settings: "Settings", note: Note) -> "Snapshot":
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.jobs.runner.preparing import fetch_view

    return Snapshot(fetch_view(parts.snapshot, parts.view, settings, note))


def _checkpoint(
    store: Store, key: str, number: int, outcome: Outcome | None, place: Workplace
) -> checkpoints.Found | None:
    """The furthest one that is not behind the failure."""
    last = outcome.step if outcome and outcome.state is State.FAILED else None
    for found in checkpoints.stored(store, WorkKeys(key)):
        if found.attempt > number or (last is not None and found.step > last):
            continue
        if checkpoints.bring(store, found, place.checkpoints) is not None:
            return found
    return None


def _order(
    parts: Parts,
    number: int,
    package: str,
    snapshot: Path,
    settings: "Settings",
    place: Workplace,
    found: checkpoints.Found | None,
) -> Order:
    config = {**parts.config, "trainer": {**parts.config["trainer"], "processes": 1}}
    return Order(
        key=parts.key,
        attempt=number,
        model=parts.model,
        package=package,
        config=config,
        snapshot=snapshot,
        view=parts.view,
        cache=settings.data.cache / DERIVED,
        resume=place.checkpoint(found.step) if found else None,
    )
