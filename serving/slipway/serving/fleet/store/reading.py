"""Devices, what they run and ran, and who changed what: questions to the store.

Each is one or two statements, however many devices there are.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from slipway.serving.fleet.facts import DeviceFacts, Running
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.tables import AUDIT, DEVICES, HEARD, SPANS, STANDINGS, STRANGE, TOKENS


@dataclass(frozen=True)
class Wanted:
    """Which devices."""

    site: str | None = None
    model: str | None = None
    release: int | None = None
    search: str = ""
    after: str = ""
    limit: int | None = None


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
    """Somebody changed something: `token`, `enrol` or `revoke`."""

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
    used_at: datetime | None
    used_by: str | None


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


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    query = query.select_from(DEVICES.outerjoin(HEARD, HEARD.c.device == DEVICES.c.id))
    query = query.where(DEVICES.c.revoked_at.is_(None))
    if wanted.site is not None:
        query = query.where(DEVICES.c.site == wanted.site)
    if wanted.search:
        query = query.where(DEVICES.c.id.contains(wanted.search, autoescape=True))
    if wanted.after:
        query = query.where(DEVICES.c.id > wanted.after)
    if wanted.model is not None or wanted.release is not None:
        runs = select(STANDINGS.c.device)
        if wanted.model is not None:
            runs = runs.where(STANDINGS.c.model == wanted.model)
        if wanted.release is not None:
            runs = runs.where(STANDINGS.c.release == wanted.release)
        query = query.where(DEVICES.c.id.in_(runs))
    return query


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


def ran(connection: Connection, model: str, at: int, site: str | None) -> dict[str, int]:
    """Which release each device ran at a moment."""
    query = select(SPANS.c.device, SPANS.c.release).where(
        SPANS.c.model == model,
        SPANS.c.begin <= at,
        SPANS.c.end.is_(None) | (SPANS.c.end > at),
        SPANS.c.release.is_not(None),
    )
    if site is not None:
        query = query.where(SPANS.c.device.in_(select(DEVICES.c.id).where(DEVICES.c.site == site)))
    return {row.device: row.release for row in connection.execute(query)}


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
    open_ones = TOKENS.c.used_at.is_(None) & (TOKENS.c.until > now)
    return [
        MadeToken(
            row.digest,
            times.moment(row.made_at),
            row.made_by,
            times.moment(row.until),
            row.device,
            row.device_class,
            row.site,
            times.moment_or_none(row.used_at),
            row.used_by,
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
