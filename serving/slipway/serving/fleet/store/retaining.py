"""Forgetting what the settings say is old enough: windows, hours, pictures, and what is of use only for a moment.

Hours and days hold the sums of all windows already (`adding`), so forgetting changes none. It is done in small pieces,
so that reports between them wait for none of it; what is looked for among all rows is looked for beside the writer.

A clock that leaps ahead would forget what is not old. After a leap nothing is forgotten for a day: time enough for
people, whose requests the service refuses as long as its clock is wrong.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, insert, select, tuple_, update

from slipway.platform.settings import schema
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.tables import ABOUT, HOURS, NONCES, SAMPLES, SESSIONS, SUBJECTS, WINDOWS
from slipway.serving.fleet.store.writer import Writer

log = logging.getLogger(__name__)

PIECE: Final = 2_000
"""Rows of one commit."""
PICTURES: Final = 64 * 1024 * 1024
"""Bytes of pictures that are kept of one device; the oldest go first."""
KEPT_FROM: Final = "kept from {}"
LEAP: Final = 7 * times.DAY
"""From one time to the next, of which there is one each hour."""
WAIT: Final = times.DAY
LAST: Final = "forgot at"
WAITS: Final = "forgets nothing until"


@dataclass(frozen=True)
class Forgotten:
    """How many rows went."""

    windows: int
    hours: int
    samples: int


def horizons(connection: Connection) -> dict[str, int]:
    """By table, from when on it is kept."""
    names = {KEPT_FROM.format(table.name): table.name for table in (WINDOWS, HOURS)}
    rows = connection.execute(select(ABOUT).where(ABOUT.c.name.in_(names)))
    return {names[row.name]: int(row.value) for row in rows}


Read = Callable[[Callable[[Connection], list[Any]]], list[Any]]


def forget(writer: Writer, read: Read, retention: schema.Retention, now: int, kept: dict[str, int]) -> Forgotten:
    """All that is old; `kept` learns the new horizons before anything goes."""
    if not writer.do(lambda connection: _goes_on(connection, now)):
        log.warning(
            "The clock says that more than a week has passed since the last time. Nothing is forgotten for a day."
        )
        return Forgotten(0, 0, 0)
    windows = _begin(now, retention.windows_days, times.HOUR)
    hours = min(_begin(now, retention.hours_days, times.DAY), windows)
    for table, begin in ((WINDOWS, windows), (HOURS, hours)):
        writer.do(partial(_move, table=table, begin=begin, kept=kept))
    subjects = read(lambda connection: list(connection.scalars(select(SUBJECTS.c.number))))
    went = {table.name: _delete_old(writer, table, subjects, kept[table.name]) for table in (WINDOWS, HOURS)}
    samples = _delete_pictures(writer, read, now - retention.samples_days * times.DAY)
    writer.do(lambda connection: connection.execute(delete(NONCES).where(NONCES.c.until < now - LEAP)))
    writer.do(lambda connection: connection.execute(delete(SESSIONS).where(SESSIONS.c.until < now)))
    return Forgotten(went[WINDOWS.name], went[HOURS.name], samples)


def _goes_on(connection: Connection, now: int) -> bool:
    """Whether time has gone on as it should since the last time, or the wait after a leap is over."""
    last, until = _noted(connection, LAST), _noted(connection, WAITS)
    if last is not None and now - last > LEAP:
        until = now + WAIT
    _note(connection, LAST, now)
    if until is None or not until - WAIT <= now < until:
        return True
    _note(connection, WAITS, until)
    return False


def _noted(connection: Connection, name: str) -> int | None:
    found = connection.scalar(select(ABOUT.c.value).where(ABOUT.c.name == name))
    return None if found is None else int(found)


def _note(connection: Connection, name: str, value: int) -> None:
    if not connection.execute(update(ABOUT).where(ABOUT.c.name == name).values(value=str(value))).rowcount:
        connection.execute(insert(ABOUT).values(name=name, value=str(value)))


def _begin(now: int, days: int, span: int) -> int:
    begin = now - int(timedelta(days=days).total_seconds()) * times.SECOND
    return begin - begin % span


def _move(connection: Connection, table: Table, begin: int, kept: dict[str, int]) -> None:
    """A horizon only moves on: what is forgotten does not come back."""
    name = KEPT_FROM.format(table.name)
    kept[table.name] = max(begin, _noted(connection, name) or 0)
    _note(connection, name, kept[table.name])


def _delete_old(writer: Writer, table: Table, subjects: Sequence[int], begin: int) -> int:
    key = (table.c.subject, table.c.at, table.c.device)

    def piece(connection: Connection, subject: int) -> int:
        old = select(*key).where(table.c.subject == subject, table.c.at < begin).limit(PIECE)
        return connection.execute(delete(table).where(tuple_(*key).in_(old))).rowcount

    went = 0
    for subject in subjects:
        while done := writer.do(partial(piece, subject=subject)):
            went += done
    return went


def _delete_pictures(writer: Writer, read: Read, begin: int) -> int:
    """Those that are old, and of each device what is above its share."""

    def piece(connection: Connection) -> int:
        old = select(SAMPLES.c.decision).where(SAMPLES.c.at < begin).limit(PIECE)
        return connection.execute(delete(SAMPLES).where(SAMPLES.c.decision.in_(old))).rowcount

    went = 0
    while done := writer.do(piece):
        went += done
    large = select(SAMPLES.c.device).group_by(SAMPLES.c.device).having(func.sum(SAMPLES.c.size) > PICTURES)
    for device in read(lambda connection: list(connection.scalars(large))):
        went += writer.do(partial(_delete_above, device=device))
    return went


def _delete_above(connection: Connection, device: str) -> int:
    newer = func.sum(SAMPLES.c.size).over(order_by=(SAMPLES.c.at.desc(), SAMPLES.c.decision))
    told = select(SAMPLES.c.decision, newer.label("newer")).where(SAMPLES.c.device == device).subquery()
    above = select(told.c.decision).where(told.c.newer > PICTURES)
    return connection.execute(delete(SAMPLES).where(SAMPLES.c.decision.in_(above))).rowcount
