"""Forgetting what the settings say is old enough: windows, hours, pictures, and what is of use only for a moment.

Hours and days hold the sums of all windows already (`adding`), so forgetting changes none. It is done in small pieces,
so that reports between them wait for none of it.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, Table, delete, func, insert, select, tuple_, update

from slipway.platform.settings import schema
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.tables import ABOUT, HOURS, NONCES, SAMPLES, SESSIONS, WINDOWS
from slipway.serving.fleet.store.writer import Writer

PIECE: Final = 2_000
"""Rows of one commit."""
PICTURES: Final = 64 * 1024 * 1024
"""Bytes of pictures that are kept of one device; the oldest go first."""
KEPT_FROM: Final = "kept from {}"


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


def forget(writer: Writer, retention: schema.Retention, now: int, kept: dict[str, int]) -> Forgotten:
    """All that is old; `kept` learns the new horizons before anything goes."""
    windows = _begin(now, retention.windows_days, times.HOUR)
    hours = min(_begin(now, retention.hours_days, times.DAY), windows)
    for table, begin in ((WINDOWS, windows), (HOURS, hours)):
        writer.do(partial(_move, table=table, begin=begin, kept=kept))
    went = {table.name: _delete_old(writer, table, kept[table.name]) for table in (WINDOWS, HOURS)}
    samples = _delete_pictures(writer, now - retention.samples_days * times.DAY)
    writer.do(lambda connection: connection.execute(delete(NONCES).where(NONCES.c.until < now)))
    writer.do(lambda connection: connection.execute(delete(SESSIONS).where(SESSIONS.c.until < now)))
    return Forgotten(went[WINDOWS.name], went[HOURS.name], samples)


def _begin(now: int, days: int, span: int) -> int:
    begin = now - int(timedelta(days=days).total_seconds()) * times.SECOND
    return begin - begin % span


def _move(connection: Connection, table: Table, begin: int, kept: dict[str, int]) -> None:
    """A horizon only moves on: what is forgotten does not come back."""
    name = KEPT_FROM.format(table.name)
    now = int(connection.scalar(select(ABOUT.c.value).where(ABOUT.c.name == name)) or 0)
    begin = max(begin, now)
    if not connection.execute(update(ABOUT).where(ABOUT.c.name == name).values(value=str(begin))).rowcount:
        connection.execute(insert(ABOUT).values(name=name, value=str(begin)))
    kept[table.name] = begin


def _delete_old(writer: Writer, table: Table, begin: int) -> int:
    key = (table.c.subject, table.c.at, table.c.device)

    def piece(connection: Connection, subject: int) -> int:
        old = select(*key).where(table.c.subject == subject, table.c.at < begin).limit(PIECE)
        return connection.execute(delete(table).where(tuple_(*key).in_(old))).rowcount

    went = 0
    for subject in writer.do(lambda connection: list(connection.scalars(select(table.c.subject).distinct()))):
        while done := writer.do(partial(piece, subject=subject)):
            went += done
    return went


def _delete_pictures(writer: Writer, begin: int) -> int:
    """Those that are old, and of each device what is above its share."""

    def piece(connection: Connection) -> int:
        old = select(SAMPLES.c.decision).where(SAMPLES.c.at < begin).limit(PIECE)
        return connection.execute(delete(SAMPLES).where(SAMPLES.c.decision.in_(old))).rowcount

    went = 0
    while done := writer.do(piece):
        went += done
    return went + int(writer.do(_delete_above))


def _delete_above(connection: Connection) -> int:
    size = func.sum(SAMPLES.c.size)
    large = select(SAMPLES.c.device).group_by(SAMPLES.c.device).having(size > PICTURES)
    went = 0
    for device in list(connection.scalars(large)):
        newer = func.sum(SAMPLES.c.size).over(order_by=(SAMPLES.c.at.desc(), SAMPLES.c.decision))
        told = select(SAMPLES.c.decision, newer.label("newer")).where(SAMPLES.c.device == device).subquery()
        above = select(told.c.decision).where(told.c.newer > PICTURES)
        went += connection.execute(delete(SAMPLES).where(SAMPLES.c.decision.in_(above))).rowcount
    return went
