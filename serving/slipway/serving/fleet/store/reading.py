"""Devices, what they run and ran, and who changed what: questions to the store.

Each is one or two statements, however many devices there are.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, and_, case, exists, func, or_, select

from slipway.serving.fleet.facts import DeviceFacts, Running
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.tables import AUDIT, DEVICES, HEARD, SPANS, STANDINGS, STRANGE, TOKENS


class State(Enum):
    """How a device is; it may be several at once."""

    WELL = "well"
    """None of the others."""
    CHANGING = "changing"
    """A release is on its way to being what it runs."""
    FAILED = "failed"
    """It went back from a release by itself."""
    SILENT = "silent"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Wanted:
    """Which devices; those that are revoked only where that is asked for."""

    site: str | None = None
    model: str | None = None
    release: int | None = None
    search: str = ""
    after: str = ""
    limit: int | None = None
    device_class: str | None = None
    cohort: str | None = None
    state: State | None = None
    silent_since: int = 0
    """Whoever was not heard from then on is silent."""


@dataclass(frozen=True)
class Crowd:
    """How many devices of a site there are, and how they are."""

    site: str | None
    all: int
    changing: int
    failed: int
    silent: int


@dataclass(frozen=True)
class Span:
    """What a device ran, and when."""

    device: str
    model: str
    release: int | None
    bundle: str | None
    variant: str | None
    begin: datetime
    end: datetime | None


@dataclass(frozen=True)
class Done:
    """Somebody changed something: `token`, `withdraw`, `enrol` or `revoke`."""

    number: int
    at: datetime
    what: str
    device: str | None
    person: str
    about: Mapping[str, Any]
    signed: bytes
    """The request, as it was signed."""


@dataclass(frozen=True)
class MadeToken:
    """A token, without what opens it."""

    digest: str
    made_at: datetime
    made_by: str
    until: datetime
    device: str | None
    device_class: str | None
    site: str | None
    cohorts: Sequence[str]
    models: Sequence[str]


@dataclass(frozen=True)
class Strange:
    """Something that somebody should look at."""

    device: str
    what: str
    """`other-key`, or `revoked` where it still reports."""
    count: int
    first: datetime
    last: datetime


def devices(connection: Connection, wanted: Wanted) -> list[DeviceFacts]:
    """Those that are not revoked, by id."""
    query = _filtered(select(DEVICES, HEARD), wanted).order_by(DEVICES.c.id).limit(wanted.limit)
    return _facts(connection, query, _filtered(select(DEVICES.c.id), wanted).order_by(DEVICES.c.id), wanted.limit)


def count_devices(connection: Connection, wanted: Wanted) -> int:
    """How many there are, on all pages."""
    return connection.scalar(_filtered(select(func.count()), wanted)) or 0


def device(connection: Connection, name: str) -> DeviceFacts | None:
    """One, also one that was revoked."""
    its = DEVICES.c.id == name
    joined = DEVICES.outerjoin(HEARD, HEARD.c.device == DEVICES.c.id)
    found = _facts(
        connection, select(DEVICES, HEARD).select_from(joined).where(its), select(DEVICES.c.id).where(its), None
    )
    return found[0] if found else None


def crowds(connection: Connection, wanted: Wanted) -> list[Crowd]:
    """By site, as far as the rest that is wanted goes, on all pages; the largest first."""
    wanted = replace(wanted, after="")
    query = _filtered(
        select(
            DEVICES.c.site,
            func.count().label("all"),
            *(func.sum(case((_is(one, wanted), 1), else_=0)).label(one.value) for one in COUNTED),
        ),
        wanted,
    )
    rows = connection.execute(query.group_by(DEVICES.c.site).order_by(func.count().desc(), DEVICES.c.site))
    return [Crowd(row.site, row.all, int(row.changing), int(row.failed), int(row.silent)) for row in rows]


def classes(connection: Connection) -> list[str]:
    """Those of devices that are not revoked."""
    query = select(DEVICES.c.device_class).where(DEVICES.c.revoked_at.is_(None)).distinct()
    return list(connection.scalars(query.order_by(DEVICES.c.device_class)))


COUNTED = (State.CHANGING, State.FAILED, State.SILENT)


def _is(state: State, wanted: Wanted) -> ColumnElement[bool]:
    """Whether a device is so."""
    runs = STANDINGS.c.device == DEVICES.c.id
    if wanted.model is not None:
        runs &= STANDINGS.c.model == wanted.model
    match state:
        case State.CHANGING:
            return exists().where(runs, STANDINGS.c.coming.is_not(None))
        case State.FAILED:
            return exists().where(runs, STANDINGS.c.bad != "[]")
        case State.SILENT:
            return or_(HEARD.c.at.is_(None), HEARD.c.at < wanted.silent_since)
        case State.REVOKED:
            return DEVICES.c.revoked_at.is_not(None)
    return and_(*(~_is(one, wanted) for one in COUNTED))


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    query = query.select_from(DEVICES.outerjoin(HEARD, HEARD.c.device == DEVICES.c.id))
    if wanted.state is not State.REVOKED:
        query = query.where(DEVICES.c.revoked_at.is_(None))
    if wanted.state is not None:
        query = query.where(_is(wanted.state, wanted))
    for column, value in ((DEVICES.c.site, wanted.site), (DEVICES.c.device_class, wanted.device_class)):
        if value is not None:
            query = query.where(column == value)
    if wanted.cohort is not None:
        query = query.where(DEVICES.c.cohorts.contains(json.dumps(wanted.cohort), autoescape=True))
    if wanted.search:
        query = query.where(DEVICES.c.id.contains(wanted.search, autoescape=True))
    if wanted.after:
        query = query.where(DEVICES.c.id > wanted.after)
    runs = [column == value for column, value in _run_by(wanted) if value is not None]
    return query.where(DEVICES.c.id.in_(select(STANDINGS.c.device).where(*runs))) if runs else query


def _run_by(wanted: Wanted) -> tuple[tuple[Column[Any], str | int | None], ...]:
    return (STANDINGS.c.model, wanted.model), (STANDINGS.c.release, wanted.release)


def _facts(connection: Connection, query: Select[Any], names: Select[Any], limit: int | None) -> list[DeviceFacts]:
    rows = connection.execute(query).all()
    running: defaultdict[str, dict[str, Running]] = defaultdict(dict)
    chosen = names.limit(limit).subquery()
    for row in connection.execute(select(STANDINGS).where(STANDINGS.c.device.in_(select(chosen.c.id)))):
        running[row.device][row.model] = _running(row)
    return [_device(row, running.get(row.id, {})) for row in rows]


def _running(row: "Row[Any]") -> Running:
    return Running(
        model=row.model,
        phase=row.phase,
        release=row.release,
        bundle=row.bundle,
        variant=row.variant,
        provider=row.provider,
        since=times.moment(row.since),
        shadow=row.shadow,
        coming=row.coming,
        bad=tuple(json.loads(row.bad)),
        sequence=row.sequence,
        why=row.why,
    )


def _device(row: "Row[Any]", running: Mapping[str, Running]) -> DeviceFacts:
    return DeviceFacts(
        id=row.id,
        device_class=row.device_class,
        site=row.site,
        cohorts=frozenset(json.loads(row.cohorts)),
        models=tuple(json.loads(row.models)),
        enrolled_at=times.moment(row.enrolled_at),
        revoked_at=times.moment_or_none(row.revoked_at),
        agent=row.agent or "",
        heard_at=times.moment_or_none(row.at),
        clock_s=(row.clock_ms or 0) / times.SECOND,
        left=row.left or 0,
        site_sequence=row.site_sequence or 0,
        running=running,
        streams=json.loads(row.streams or "{}"),
    )


def spans(connection: Connection, name: str | None, at: int | None, limit: int) -> list[Span]:
    """What ran: of one device or of all, ever or at a moment; the newest first."""
    query = select(SPANS).order_by(SPANS.c.begin.desc(), SPANS.c.device, SPANS.c.model).limit(limit)
    if name is not None:
        query = query.where(SPANS.c.device == name)
    if at is not None:
        query = query.where(SPANS.c.begin <= at, SPANS.c.end.is_(None) | (SPANS.c.end > at))
    return [
        Span(
            row.device,
            row.model,
            row.release,
            row.bundle,
            row.variant,
            times.moment(row.begin),
            times.moment_or_none(row.end),
        )
        for row in connection.execute(query)
    ]


def audit(connection: Connection, name: str | None, limit: int) -> list[Done]:
    """Who changed what, the newest first."""
    query = select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)
    if name is not None:
        query = query.where(AUDIT.c.device == name)
    return [
        Done(
            row.number, times.moment(row.at), row.what, row.device, row.person, json.loads(row.about), bytes(row.signed)
        )
        for row in connection.execute(query)
    ]


def tokens(connection: Connection, now: int) -> list[MadeToken]:
    """Those that could still be used."""
    open_ones = TOKENS.c.used_at.is_(None) & TOKENS.c.withdrawn_at.is_(None) & (TOKENS.c.until > now)
    return [
        MadeToken(
            row.digest,
            times.moment(row.made_at),
            row.made_by,
            times.moment(row.until),
            row.device,
            row.device_class,
            row.site,
            tuple(json.loads(row.cohorts)),
            tuple(json.loads(row.models)),
        )
        for row in connection.execute(select(TOKENS).where(open_ones).order_by(TOKENS.c.made_at, TOKENS.c.digest))
    ]


def strange(connection: Connection, since: int) -> Sequence[Strange]:
    """What was strange lately."""
    query = (
        select(STRANGE, STRANGE.c.count.label("times"))
        .where(STRANGE.c.last >= since)
        .order_by(STRANGE.c.device, STRANGE.c.what)
    )
    return [
        Strange(row.device, row.what, row.times, times.moment(row.first), times.moment(row.last))
        for row in connection.execute(query)
    ]
