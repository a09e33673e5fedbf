"""Adding what a device did to its window, its hour and its day, all in the commit that stores the record.

So there is nothing to be added up later: to forget the windows of long ago takes nothing from the hours and days, which
hold the same sums. What comes so late that its window would be forgotten is added to the others alone.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.records import Subject
from slipway.serving.fleet.store.tables import DAYS, HOURS, SUBJECTS, WINDOWS

LEVELS: Final[tuple[tuple[Table, Callable[[int], int]], ...]] = (
    (WINDOWS, lambda at: at),
    (HOURS, lambda at: at - at % times.HOUR),
    (DAYS, lambda at: at - at % times.DAY),
)


def _where(table: Table) -> Any:  # noqa: ANN401 - a condition
    return (
        (table.c.subject == bindparam("_subject"))
        & (table.c.at == bindparam("_at"))
        & (table.c.device == bindparam("_device"))
    )


_FIND: Final = {table.name: select(table).where(_where(table)).with_for_update() for table, _ in LEVELS}
_CHANGE: Final = {table.name: update(table).where(_where(table)) for table, _ in LEVELS}
_ADD: Final = {table.name: insert(table) for table, _ in LEVELS}


class Adder:
    """Adds, within one commit."""

    def __init__(self, connection: Connection, subjects: dict[str, int], horizons: dict[str, int]) -> None:
        self._connection, self._subjects, self._horizons = connection, subjects, horizons

    def subject(self, subject: Subject) -> int:
        """The number of a subject; a new one gets the next."""
        number = self._subjects.get(subject.name)
        if number is None:
            number = self._found(subject) or self._made(subject)
        return number

    def _found(self, subject: Subject) -> int | None:
        found = self._connection.scalar(select(SUBJECTS.c.number).where(SUBJECTS.c.name == subject.name))
        if found is not None:  # committed before, or by another: worth remembering
            self._subjects[subject.name] = found
        return found

    def _made(self, subject: Subject) -> int:
        row = {"name": subject.name, "model": subject.model, "release": subject.release}
        try:
            with self._connection.begin_nested():
                made = self._connection.execute(insert(SUBJECTS).values(row)).inserted_primary_key
        except IntegrityError:  # another process was quicker
            return int(self._connection.scalars(select(SUBJECTS.c.number).where(SUBJECTS.c.name == subject.name)).one())
        return int(made[0]) if made else 0

    def add(self, device: str, subject: int, at: int, done: Sum) -> None:
        """To each level that still keeps this time."""
        for table, begin in LEVELS:
            if at >= self._horizons.get(table.name, 0):
                self._add_to(table, {"_subject": subject, "_at": begin(at), "_device": device}, at, done)

    def _add_to(self, table: Table, key: dict[str, Any], at: int, done: Sum) -> None:
        row = self._connection.execute(_FIND[table.name], key).first()
        if row is None:
            plain = {name[1:]: value for name, value in key.items()}
            self._connection.execute(_ADD[table.name], {**plain, "first": at, "last": at, **done.columns()})
            return
        there = Sum()
        there.add_row(row.counts, row.latency, row.running, row.divergence)
        there.add_seen(json.loads(row.seen) if row.seen else {})
        there.add(done)
        bounds = {"first": min(row.first, at), "last": max(row.last, at)}
        self._connection.execute(_CHANGE[table.name], {**key, **bounds, **there.columns()})
