"""How far a labelling task is: counted in the rows of one snapshot, so the same everywhere.

A row has a label when a person gave one that nobody disputes (`human`, `reviewed`). A picture of a device is a row as
soon as somebody labelled it; until then it waits. Of rows by a filter those count that came since the task was opened.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway.pipelines.labelling.task import Task

if TYPE_CHECKING:
    import pyarrow as pa

    from slipway.platform.data.snapshot import Snapshot

REVIEWED: Final = "reviewed"


@dataclass(frozen=True)
class Standing:
    """A task in numbers."""

    wanted: int
    labelled: int
    reviewed: int
    disputed: int

    @property
    def missing(self) -> int:
        """Labels that are still asked for."""
        return max(0, self.wanted - self.labelled)


def standing(task: Task, snapshot: "Snapshot | None") -> Standing:
    """Count a task's labels in a snapshot."""
    if snapshot is None:
        return Standing(task.wanted.labels, 0, 0, 0)
    found = rows_of(task, snapshot)
    counts = state_counts(found)
    labelled = by_people(found) - task.had
    reviewed = min(counts.get(REVIEWED, 0), max(0, labelled)) if task.wanted.where else counts.get(REVIEWED, 0)
    return Standing(task.wanted.labels, max(0, labelled), reviewed, counts.get("disputed", 0))


def rows_of(task: Task, snapshot: "Snapshot") -> "pa.Table":
    """The rows of `index` that are a task's, labelled or not."""
    import numpy as np

    from slipway.platform.data.columns import where, within

    index = snapshot.index
    chosen = np.zeros(index.num_rows, bool)
    if task.wanted.samples:
        chosen |= within(index["sample"], task.wanted.samples)
    if task.wanted.pictures:
        chosen |= within(index["source"], [source_of(one) for one in task.wanted.pictures])
    if task.wanted.where is not None:
        chosen |= within(index["sample"], fitting(snapshot, task.model, task.wanted.where)["sample"])
    return where(index, chosen)


def fitting(snapshot: "Snapshot", model: str, text: str) -> "pa.Table":
    """Rows of a model's view that a filter chooses; none where no row has what it asks for yet."""
    from slipway.platform.data.columns import where, within
    from slipway.platform.data.selection import select

    index = view_of(snapshot, model)
    return where(index, within(index["sample"], select(snapshot, text, coming=True)["sample"]))


def view_of(snapshot: "Snapshot", model: str) -> "pa.Table":
    """The rows that a model looks at; none where no row is in its view yet."""
    from slipway.platform.data.errors import DataError
    from slipway.platform.models.finder import model_named

    try:
        return model_named(model).declaration.data.view.select(snapshot.index)
    except DataError:
        return snapshot.index.slice(0, 0)


def by_people(index: "pa.Table") -> int:
    """How many rows have a label that a person gave and nobody disputes."""
    from slipway.platform.data.schema import BY_PEOPLE

    counts = state_counts(index)
    return sum(counts.get(state, 0) for state in BY_PEOPLE)


def state_counts(index: "pa.Table") -> dict[str, int]:
    """How many rows have which state."""
    from slipway.platform.data.columns import counted

    return counted(index["label_state"])


def source_of(decision: str) -> str:
    """What a device's picture is called in a snapshot."""
    return f"devices/{decision}"
