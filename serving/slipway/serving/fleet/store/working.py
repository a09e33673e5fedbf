"""What devices did with releases in a span of time, added up.

Most rows are alone: they are the only one of their device, release and hour. What is packed in them is opened when
somebody looks at it.
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pydantic_core
from sqlalchemy import Connection, Row, select

from slipway.serving.fleet.facts import Work
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.packing import Packed, Sum, add_counts, add_divergence, apart
from slipway.serving.fleet.store.spanning import Asked, columns, releases, rows
from slipway.serving.fleet.store.tables import HOURS, SUBJECTS

Group = TypeVar("Group", bound=Hashable)


class _Several:
    """Rows of one device and release, added up."""

    __slots__ = ("counts", "divergence", "first", "last", "latency", "running")

    def __init__(self, row: "Row[Any]") -> None:
        self.first, self.last = row.first, row.last
        self.counts: dict[str, int] = {}
        self.divergence: dict[str, list[float]] = {}
        self.latency: list[bytes] = []
        self.running: list[bytes] = []
        self.add(row)

    def add(self, row: "Row[Any]") -> None:
        """One more."""
        self.first, self.last = min(self.first, row.first), max(self.last, row.last)
        add_counts(self.counts, _counts(row))
        self.latency.append(row.latency)
        self.running.append(row.running)
        if row.divergence:
            add_divergence(self.divergence, json.loads(row.divergence))


def _counts(row: "Row[Any]") -> dict[str, int]:
    found: dict[str, int] = pydantic_core.from_json(row.counts, cache_strings="keys")
    return found


def work(connection: Connection, asked: Asked, horizons: Mapping[str, int]) -> list[Work]:
    """By device and release."""
    numbers = releases(connection, asked)
    found: dict[tuple[str, int], Row[Any] | _Several] = {}
    for row in rows(connection, asked, list(numbers), horizons):
        key = row.device, numbers[row.subject]
        found[key] = _with(found.get(key), row)
    return [_work(asked.model, *key, found.pop(key)) for key in sorted(found)]


def _with(there: "Row[Any] | _Several | None", row: "Row[Any]") -> "Row[Any] | _Several":
    if there is None:
        return row
    several = there if isinstance(there, _Several) else _Several(there)
    several.add(row)
    return several


def _work(model: str, device: str, release: int, one: "Row[Any] | _Several") -> Work:
    begin, end = times.moment(one.first), times.moment(one.last)
    if isinstance(one, _Several):
        latency, running, far = Packed(one.latency), Packed(one.running), apart(one.divergence)
        return Work(device, model, release, begin, end, one.counts, latency, running, far)
    latency, running = Packed((one.latency,)), Packed((one.running,))
    far = apart(json.loads(one.divergence)) if one.divergence else {}
    return Work(device, model, release, begin, end, _counts(one), latency, running, far)


def hours(connection: Connection, device: str, models: Sequence[str], span: tuple[int, int]) -> list[Work]:
    """What one device did in the hours of a span, each of which begins when its hour does.

    They are looked up by their keys, however many devices there are.
    """
    begin, end = span
    subjects = select(SUBJECTS).where(SUBJECTS.c.model.in_(list(models)), SUBJECTS.c.release.is_not(None))
    named = {row.number: (row.model, row.release) for row in connection.execute(subjects)}
    query = select(*columns(HOURS)).where(
        HOURS.c.subject.in_(list(named)),
        HOURS.c.at.in_(list(range(begin - begin % times.HOUR, end, times.HOUR))),
        HOURS.c.device == device,
    )
    found: dict[tuple[int, str, int], Row[Any] | _Several] = {}
    for row in connection.execute(query.order_by(HOURS.c.at)):
        key = row.first - row.first % times.HOUR, *named[row.subject]
        found[key] = _with(found.get(key), row)
    return [
        replace(_work(model, device, release, one), begin=times.moment(hour))
        for (hour, model, release), one in found.items()
    ]


def together(
    connection: Connection, asked: Asked, horizons: Mapping[str, int], groups: Mapping[str, Group]
) -> dict[tuple[Group, int], Sum]:
    """By group of devices and release, with distributions; devices that are in no group are left out."""
    numbers = releases(connection, asked)
    found: dict[tuple[Group, int], Sum] = {}
    for row in rows(connection, asked, list(numbers), horizons, seen=True):
        group = groups.get(row.device)
        if group is None:
            continue
        done = found.setdefault((group, numbers[row.subject]), Sum())
        done.add_row(row.counts, row.latency, row.running, row.divergence)
        if row.seen:
            done.add_seen(json.loads(row.seen))
    return found
