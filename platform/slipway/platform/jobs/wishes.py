"""Who wants the result of a piece of work: as long as others do, one person's cancelling only detaches that person.

A wish is recorded when work is submitted, and again when somebody else submits the same. Who executes work without a
launcher wants it as well, recorded or not. Wishes outlive an attempt that brought no result: who wanted it wants the
next one too. They are of no use once the work is done, and go then.
"""

from datetime import datetime

from slipway.platform.runs.entries import segment
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import AttemptSpec, Wish
from slipway.platform.store import Store


def wish(store: Store, key: str, person: str, now: datetime) -> None:
    """Record that somebody wants the result; once is enough."""
    Wish(person=person, since=now).bind(store, WorkKeys(key).wish(segment(person)))


def withdraw(store: Store, key: str, person: str) -> None:
    """That person no longer wants it."""
    store.delete(WorkKeys(key).wish(segment(person)))


def wishes(store: Store, key: str) -> list[Wish]:
    """All that are recorded, by person."""
    found = (Wish.load(store, name) for name in store.list(WorkKeys(key).wishes))
    return sorted((one for one in found if one is not None), key=lambda one: one.person)


def wanting(store: Store, spec: AttemptSpec, key: str) -> set[str]:
    """Everybody who wants it."""
    executing = set() if spec.job else {spec.submitted_by}
    return executing | {one.person for one in wishes(store, key)}


def others(store: Store, spec: AttemptSpec, key: str, person: str) -> tuple[str, ...]:
    """Everybody else who wants it."""
    return tuple(sorted(wanting(store, spec, key) - {person}))


def forget_wishes(store: Store, key: str) -> int:
    """Remove all that are recorded; how many there were."""
    names = list(store.list(WorkKeys(key).wishes))
    for name in names:
        store.delete(name)
    return len(names)
