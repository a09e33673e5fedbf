"""A labelling task: which rows of a model wait for people, and why, as one record of the store.

    labelling/<digest>.json

A task is named by its model, its cause and the rows that were asked for. Whoever opens the same one again, at the same
moment or later, finds the first: a cause names one occasion, such as a day on which drift was found. What the record
does not say is how far it is; that is counted in a snapshot (`standing`).
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from slipway.platform.canonical import canonical
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.store import ObjectMissing, Store

PREFIX: Final = "labelling/"
SHORT: Final = 12
LEAST: Final = 4
"""Characters by which a task can be named."""


class TaskDamaged(SlipwayError):
    """A record is not what a task is."""


class Part(BaseModel):
    """A frozen piece of a record; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Wanted(Part):
    """Which rows are to be labelled."""

    where: str | None = None
    """Rows of the snapshot, of the model's view, by the language of `--where`; also rows that come later."""
    samples: tuple[str, ...] = ()
    """Rows of the snapshot by their names."""
    pictures: tuple[str, ...] = ()
    """Pictures of devices, by the names of their decisions."""
    count: int = Field(default=0, ge=0)
    """How many labels are asked for; 0: one for each sample and picture."""

    @model_validator(mode="after")
    def _something(self) -> "Wanted":
        if self.where is not None and not self.count:
            raise ValueError("with `where` it takes a `count`: rows may come later")
        if self.where is None and not (self.samples or self.pictures):
            raise ValueError("it takes `where`, `samples` or `pictures`")
        return self

    @property
    def labels(self) -> int:
        """How many labels are asked for."""
        return self.count or len(self.samples) + len(self.pictures)


class Task(Part):
    """What waits for people, and why."""

    model: str
    cause: str
    why: str
    """For people, a sentence."""
    wanted: Wanted
    snapshot: str | None = None
    """Digest of the snapshot that it was opened with; None where there was none."""
    had: int = 0
    """How many rows of `where` had a label of a person by then."""
    opened_at: datetime
    opened_by: str

    @property
    def id(self) -> str:
        """Its name."""
        return task_id(self.model, self.cause, self.wanted)

    @property
    def short(self) -> str:
        """As people write it."""
        return self.id[:SHORT]

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self.model_dump(mode="json"))


def task_id(model: str, cause: str, wanted: Wanted) -> str:
    """The name of a task. Which pictures waited at that moment is no part of it, or the next one would be another."""
    rows = {"where": wanted.where, "samples": sorted(wanted.samples)}
    return hashlib.sha256(canonical([model, cause, rows])).hexdigest()


def bind(store: Store, task: Task) -> tuple[Task, bool]:
    """Keep a task, or take the one that is there; and whether it is new."""
    data = task.to_bytes()
    kept = store.put_if_absent(key_of(task.id), data)
    return (task, True) if kept == data else (_parsed(kept, key_of(task.id)), False)


def load_task(store: Store, name: str) -> Task:
    """The one task whose name begins so."""
    found = [key for key in store.list(PREFIX) if key.removeprefix(PREFIX).startswith(name)]
    if len(name) < LEAST or len(found) != 1:
        told = f"{len(found)} labelling tasks begin" if len(found) > 1 else "No labelling task begins"
        raise WrongUse(
            f"{told} with `{name}`.", mend=f"Write {LEAST} letters or more; `slipway data label list` shows all."
        )
    return _parsed(store.get(found[0]), found[0])


def find_task(store: Store, task_name: str) -> Task | None:
    """The task of exactly this name."""
    try:
        return _parsed(store.get(key_of(task_name)), key_of(task_name))
    except ObjectMissing:
        return None


def tasks(store: Store, model: str | None = None) -> list[Task]:
    """All tasks, the oldest first."""
    found = [one for one in _all(store) if model in (None, one.model)]
    return sorted(found, key=lambda one: (one.opened_at, one.id))


def key_of(name: str) -> str:
    """Where the store keeps it."""
    return f"{PREFIX}{name}.json"


def _all(store: Store) -> Iterator[Task]:
    for key in store.list(PREFIX):
        yield _parsed(store.get(key), key)


def _parsed(data: bytes, key: str) -> Task:
    try:
        return Task.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise TaskDamaged(
            f"`{key}` is no labelling task: {'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}.",
            mend="Nothing of slipway changes a task: find out who did, and remove it.",
        ) from None
