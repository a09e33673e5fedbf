"""Which rows say what was done in a span of time: the coarsest that lie in it as a whole.

A day of which everything lies in the span is one row; of other days the hours are taken, and of hours that lie in it in
part the windows. Where windows or hours are forgotten, the coarser row counts by its first window. Finer rows are only
looked for where the span begins or ends within a coarser one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, Select, Table, and_, or_, select

from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.tables import DAYS, HOURS, SUBJECTS, WINDOWS

TOGETHER: Final = 1_000
"""Rows that are fetched at once."""
_SPANS: Final = {WINDOWS.name: 1, HOURS.name: times.HOUR, DAYS.name: times.DAY}


@dataclass(frozen=True)
class Asked:
    """Of which model and releases, and when."""

    model: str
    since: int
    until: int
    releases: Sequence[int] = ()


@dataclass(frozen=True)
class _Level:
    """A table, and which of its rows count as a whole."""

    table: Table
    whole: Any

    @property
    def span(self) -> int:
        """Milliseconds of a row."""
        return _SPANS[self.table.name]


def releases(connection: Connection, asked: Asked) -> dict[int, int]:
    """By number of its subject."""
    query = select(SUBJECTS.c.number, SUBJECTS.c.release).where(
        SUBJECTS.c.model == asked.model, SUBJECTS.c.release.is_not(None)
    )
    if asked.releases:
        query = query.where(SUBJECTS.c.release.in_(asked.releases))
    return {row.number: row.release for row in connection.execute(query)}


def columns(table: Table) -> list[Column[Any]]:
    """Subject, device, first, last, counts, latency, running and divergence."""
    its = table.c
    return [its.subject, its.device, its.first, its.last, its.counts, its.latency, its.running, its.divergence]


def rows(
    connection: Connection,
    asked: Asked,
    subjects: Sequence[int],
    horizons: Mapping[str, int],
    *,
    seen: bool = False,
) -> "Iterator[Row[Any]]":
    """Their `columns`, and `seen` where it is wanted."""
    if not subjects or asked.since >= asked.until:
        return
    windows_from, hours_from = horizons.get(WINDOWS.name, 0), horizons.get(HOURS.name, 0)
    levels = [_Level(DAYS, _counts(DAYS, asked, hours_from))] if _days_help(asked, hours_from) else []
    levels += [_Level(HOURS, _counts(HOURS, asked, windows_from)), _Level(WINDOWS, WINDOWS.c.at >= asked.since)]
    for place, level in enumerate(levels):
        coarser = levels[:place]
        for begin, end in _edges(asked, level, coarser):
            query = _select(level, subjects, seen=seen).where(level.table.c.at >= begin, level.table.c.at < end)
            query = query.where(*(~_inside(level, one) for one in coarser))
            for some in connection.execute(query.execution_options(yield_per=TOGETHER)).partitions():
                yield from some


def _days_help(asked: Asked, hours_from: int) -> bool:
    """Of less than a day the hours are few, if there still are any."""
    return asked.until - asked.since >= times.DAY or asked.since - times.HOUR < hours_from


def _edges(asked: Asked, level: _Level, coarser: Sequence[_Level]) -> Iterator[tuple[int, int]]:
    """Where rows can begin that are wanted: all through the span, or at both ends of what coarser rows fill."""
    begin, end = asked.since - level.span + 1, asked.until
    if not coarser:
        yield begin, end
        return
    span = coarser[-1].span
    after = asked.since + -asked.since % span
    before = max(asked.until - asked.until % span, after)
    for low, high in ((begin, min(after, end)), (before, end)):
        if low < high:
            yield low, high


def _select(level: _Level, subjects: Sequence[int], *, seen: bool) -> Select[Any]:
    its = level.table.c
    more = [its.seen] if seen else []
    return select(*columns(level.table), *more).where(its.subject.in_(subjects), level.whole)


def _counts(table: Table, asked: Asked, kept_from: int) -> Any:  # noqa: ANN401 - a condition
    """Whether a row counts as a whole."""
    begun = and_(table.c.first >= asked.since, table.c.first < asked.until)
    return and_(begun, or_(table.c.last < asked.until, table.c.at < kept_from))


def _inside(fine: _Level, coarse: _Level) -> Any:  # noqa: ANN401 - a condition
    """Whether a row is in a coarser one that counts as a whole."""
    mine, its = fine.table.c, coarse.table.c
    same = (its.subject == mine.subject, its.device == mine.device, its.at == mine.at - mine.at % coarse.span)
    return select(its.at).where(*same, coarse.whole).exists()
