"""Opening a labelling task, or finding that it is open.

    opened = open_task(site, model="bay-occupancy", cause="drift 2026-11-29 a722281f", why="Drift by light: night.",
                       wanted=Wanted(where="light = night", pictures=decisions, count=200), by="flows")
    opened.task.short, opened.new, opened.standing.missing

Create-or-adopt: the same model, cause and rows are the same task, whoever asks and however often. Nothing is trained,
moved or downloaded here; `standing.missing` says how many labels are asked for that nobody has given.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from slipway.pipelines.labelling.standing import Standing, by_people, fitting, standing
from slipway.pipelines.labelling.task import Task, Wanted, bind, find_task, task_id
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.settings import Loaded
    from slipway.platform.store import Store


class Place(Protocol):
    """A project: its settings and its store."""

    @property
    def loaded(self) -> "Loaded": ...

    @property
    def store(self) -> "Store": ...


@dataclass(frozen=True)
class Opened:
    """A task, and how far it is."""

    task: Task
    new: bool
    """Whether it was opened now."""
    standing: Standing


def open_task(  # noqa: PLR0913 - keywords that say what a task is
    place: Place,
    *,
    model: str,
    cause: str,
    why: str,
    wanted: Wanted,
    by: str,
    snapshot: str | None = None,
    at: datetime | None = None,
    dry_run: bool = False,
) -> Opened:
    """Open the task, or find the one that is; `snapshot` is a reference, data.dvc's unless given."""
    from slipway.platform.models.finder import model_named

    model_named(model)
    known = snapshot_of(place, snapshot)
    if (found := find_task(place.store, task_id(model, cause, wanted))) is not None:
        return Opened(found, new=False, standing=standing(found, known))
    task = Task(
        model=model,
        cause=cause,
        why=why,
        wanted=wanted,
        snapshot=known.digest if known else None,
        had=_had(known, model, wanted),
        opened_at=at or datetime.now(UTC),
        opened_by=by,
    )
    new = True
    if not dry_run:
        task, new = bind(place.store, task)
    return Opened(task, new=new, standing=standing(task, known))


def wanted_of(
    where: str | None = None, samples: "Iterable[str]" = (), pictures: "Iterable[str]" = (), count: int = 0
) -> Wanted:
    """Rows that a person asks for; what does not fit together is told."""
    try:
        return Wanted(where=where, samples=tuple(samples), pictures=tuple(pictures), count=count)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise WrongUse(
            f"Which rows? {said[:1].upper()}{said[1:]}.", mend="`--where … --count N`, or `--devices`."
        ) from None


def snapshot_of(place: Place, reference: str | None = None) -> "Snapshot | None":
    """The tables of a snapshot; without a reference data.dvc's, and None where nothing is committed yet."""
    from slipway.platform.data.errors import PointerMissing
    from slipway.platform.data.project import Project
    from slipway.platform.data.reference import fetch_pointer, resolve
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.data.watching import SILENT

    if reference is not None:
        return Snapshot(resolve(reference, place.loaded))
    project = Project(place.loaded.root, place.loaded.settings)
    try:
        pointer = project.pointer()
    except PointerMissing:
        return None
    return Snapshot(fetch_pointer(project, pointer, images=False, watcher=SILENT))


def _had(known: "Snapshot | None", model: str, wanted: Wanted) -> int:
    """How many rows of the filter have a label already."""
    if known is None or wanted.where is None:
        return 0
    return by_people(fitting(known, model, wanted.where))
