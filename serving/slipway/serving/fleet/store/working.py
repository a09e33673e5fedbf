"""What devices did with releases in a span of time, from the coarsest rows that lie in it as a whole.

A day of which everything lies in the span is one row; of other days the hours are taken, and of hours that lie in it in
part the windows. Where windows or hours are forgotten, the coarser row counts by its first window.
"""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, and_, or_, select

from slipway.serving.fleet.facts import Work
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.tables import DAYS, HOURS, SUBJECTS, WINDOWS

Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True)
class Asked:
    """Of which model and releases, and when."""

    model: str
    since: int
    until: int
    releases: Sequence[int] = ()


@dataclass
class _Found:
    first: int
    last: int
    done: Sum


def work(connection: Connection, asked: Asked, horizons: dict[str, int], *, hours: bool) -> list[Work]:
    """By device and release, and hour where hours are wanted."""
    releases = _releases(connection, asked)
    found: dict[tuple[str, int, int], _Found] = {}
    for row in _rows(connection, asked, list(releases), horizons, hours=hours):
        hour = row.first - row.first % times.HOUR if hours else 0
        one = found.setdefault((row.device, releases[row.subject], hour), _Found(row.first, row.last, Sum()))
        one.first, one.last = min(one.first, row.first), max(one.last, row.last)
        one.done.add_row(row.counts, row.latency, row.running, row.divergence)
    return [_work(asked.model, device, release, one) for (device, release, _), one in sorted(found.items(), key=_order)]


def hours(connection: Connection, device: str, models: Sequence[str], span: tuple[int, int]) -> list[Work]:
    """What one device did in the hours of a span; each is looked up by its key, however many devices there are."""
    begin, end = span
    subjects = select(SUBJECTS).where(SUBJECTS.c.model.in_(list(models)), SUBJECTS.c.release.is_not(None))
    named = {row.number: (row.model, row.release) for row in connection.execute(subjects)}
    query = select(HOURS).where(
        HOURS.c.subject.in_(list(named)),
        HOURS.c.at.in_(list(range(begin - begin % times.HOUR, end, times.HOUR))),
        HOURS.c.device == device,
    )
    found: dict[tuple[int, str, int], Sum] = {}
    for row in connection.execute(query.order_by(HOURS.c.at)):
        done = found.setdefault((row.at, *named[row.subject]), Sum())
        done.add_row(row.counts, row.latency, row.running, row.divergence)
    return [
        _work(model, device, release, _Found(at, at + times.HOUR, done)) for (at, model, release), done in found.items()
    ]


def _order(item: tuple[tuple[str, int, int], _Found]) -> tuple[str, int, int]:
    return item[0]


def _work(model: str, device: str, release: int, one: _Found) -> Work:
    return Work(
        device=device,
        model=model,
        release=release,
        begin=times.moment(one.first),
        end=times.moment(one.last),
        counts=one.done.counts,
        latency=one.done.latency,
        running=one.done.running,
        divergence=one.done.apart(),
    )


def distributions(connection: Connection, asked: Asked, horizons: dict[str, int]) -> dict[str, list[int]]:
    """By measure, how many values lay in each part of the reference; of all devices together."""
    found = Sum()
    for row in _rows(connection, asked, list(_releases(connection, asked)), horizons, hours=False, seen=True):
        if row.seen:
            found.add_seen(json.loads(row.seen))
    return found.seen


def together(
    connection: Connection, asked: Asked, horizons: dict[str, int], groups: Mapping[str, Group]
) -> dict[tuple[Group, int], Sum]:
    """By group of devices and release, with distributions; devices that are in no group are left out."""
    releases = _releases(connection, asked)
    found: dict[tuple[Group, int], Sum] = {}
    for row in _rows(connection, asked, list(releases), horizons, hours=False, seen=True):
        group = groups.get(row.device)
        if group is None:
            continue
        done = found.setdefault((group, releases[row.subject]), Sum())
        done.add_row(row.counts, row.latency, row.running, row.divergence)
        if row.seen:
            done.add_seen(json.loads(row.seen))
    return found


def _releases(connection: Connection, asked: Asked) -> dict[int, int]:
    """By number of its subject."""
    query = select(SUBJECTS.c.number, SUBJECTS.c.release).where(
        SUBJECTS.c.model == asked.model, SUBJECTS.c.release.is_not(None)
    )
    if asked.releases:
        query = query.where(SUBJECTS.c.release.in_(asked.releases))
    return {row.number: row.release for row in connection.execute(query)}


def _rows(
    connection: Connection,
    asked: Asked,
    subjects: list[int],
    horizons: dict[str, int],
    *,
    hours: bool,
    seen: bool = False,
) -> "Iterator[Any]":
    if not subjects or asked.since >= asked.until:
        return
    windows_from, hours_from = horizons.get(WINDOWS.name, 0), horizons.get(HOURS.name, 0)
    whole_hour = _counts(HOURS, asked, windows_from)
    parts: list[Select[Any]] = []
    if hours:
        parts += [_select(HOURS, asked, subjects, seen=seen).where(whole_hour)]
        outside = None
    else:
        whole_day = _counts(DAYS, asked, hours_from)
        parts += [_select(DAYS, asked, subjects, seen=seen).where(whole_day)]
        outside = _edges(asked, times.DAY)
        parts += [
            _select(HOURS, asked, subjects, seen=seen)
            .where(outside, whole_hour)
            .where(~_inside(HOURS, DAYS, times.DAY, whole_day))
        ]
    edge = _select(WINDOWS, asked, subjects, seen=seen).where(
        WINDOWS.c.at >= asked.since, WINDOWS.c.at < asked.until, _edges(asked, times.HOUR, WINDOWS)
    )
    edge = edge.where(~_inside(WINDOWS, HOURS, times.HOUR, whole_hour))
    if not hours:
        edge = edge.where(~_inside(WINDOWS, DAYS, times.DAY, _counts(DAYS, asked, hours_from)))
    for query in (*parts, edge):
        yield from connection.execute(query)


def _select(table: Table, asked: Asked, subjects: list[int], *, seen: bool) -> Select[Any]:
    span = {WINDOWS.name: 0, HOURS.name: times.HOUR, DAYS.name: times.DAY}[table.name]
    columns = [table.c.subject, table.c.device, table.c.first, table.c.last, table.c.counts, table.c.latency]
    more = [table.c.seen] if seen else []
    return select(*columns, table.c.running, table.c.divergence, *more).where(
        table.c.subject.in_(subjects), table.c.at > asked.since - max(span, 1), table.c.at < asked.until
    )


def _counts(table: Table, asked: Asked, kept_from: int) -> Any:  # noqa: ANN401 - a condition
    """Whether a row counts as a whole."""
    begun = and_(table.c.first >= asked.since, table.c.first < asked.until)
    return and_(begun, or_(table.c.last < asked.until, table.c.at < kept_from))


def _edges(asked: Asked, span: int, table: Table = HOURS) -> Any:  # noqa: ANN401 - a condition
    """In the first or last day or hour of the span, where rows may lie in it only in part."""
    after = asked.since - asked.since % span + span
    before = asked.until - asked.until % span
    return or_(table.c.at < after, table.c.at >= before)


def _inside(fine: Table, coarse: Table, span: int, counts: Any) -> Any:  # noqa: ANN401 - conditions
    """Whether a row is in a coarser one that counts as a whole."""
    return (
        select(coarse.c.at)
        .where(
            coarse.c.subject == fine.c.subject,
            coarse.c.device == fine.c.device,
            coarse.c.at == fine.c.at - fine.c.at % span,
            counts,
        )
        .exists()
    )
