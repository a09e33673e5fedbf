"""Taking a device's report into the store: all of it or nothing, and the same one only once.

The service's own time stands beside what the device says of its clock. A window's time is believed where it can be
true: not before the device was enrolled, not after the report arrived; else the window counts at its arrival. Where the
service's own clock went back, what would have run in its future is taken out of what ran.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from slipway.serving.edge.fleet.wire import Record, Report, Standing
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.adding import Adder
from slipway.serving.fleet.store.names import Ranges
from slipway.serving.fleet.store.outcomes import release_told
from slipway.serving.fleet.store.packing import Sum, text_of
from slipway.serving.fleet.store.plain import plain
from slipway.serving.fleet.store.records import Unreadable, counts_in, sample_in, sketch_in, subject_named
from slipway.serving.fleet.store.refusals import KnownOtherwise, NotADevice, Revoked, check_sequence
from slipway.serving.fleet.store.tables import DEVICES, HEARD, NAMES, SAMPLES, SPANS, STANDINGS

SLACK: Final = times.HOUR
"""By so much a device's clock may be ahead, or behind when it was enrolled."""
MOST_SPOOLS: Final = 64
"""Generations of a device's spool that are remembered: each is a spool that was lost."""
MOST_CLOCK: Final = 2**53

_FIND: Final = (
    select(DEVICES.c.public_key, DEVICES.c.enrolled_at, DEVICES.c.revoked_at, HEARD.c.sequence, HEARD.c.said)
    .join(HEARD, HEARD.c.device == DEVICES.c.id)
    .where(DEVICES.c.id == bindparam("name"))
    .with_for_update()
)
_HEAR: Final = (
    update(HEARD)
    .where(HEARD.c.device == bindparam("name"))
    .values(
        sequence=bindparam("new"),
        at=bindparam("arrived"),
        clock_ms=bindparam("clock"),
        left=bindparam("rest"),
        said=bindparam("told"),
        agent=bindparam("version"),
        site_sequence=bindparam("site"),
        streams=bindparam("cameras"),
        unreadable=HEARD.c.unreadable + bindparam("lost"),
    )
)


@dataclass(frozen=True)
class Heard:
    """A report whose signature was found right."""

    device: str
    public_key: str
    """Which it was checked with."""
    sequence: int
    report: Report


@dataclass
class Memory:
    """What a writer remembers between commits."""

    subjects: dict[str, int] = field(default_factory=dict)
    horizons: dict[str, int] = field(default_factory=dict)
    """By table, from when on it is kept."""


def take(connection: Connection, heard: Heard, now: int, memory: Memory) -> int:
    """Store it; how many of its records are new."""
    row: Any = connection.execute(_FIND, {"name": heard.device}).first()
    known = _checked(row, heard)
    report = heard.report
    said = _digest(report)
    if said != known.said:
        _note_standings(connection, heard.device, report.standings, now)
    adder = Adder(connection, memory.subjects, memory.horizons)
    stored, lost = _take_records(connection, adder, heard, _Times(known.enrolled_at, now)) if report.records else (0, 0)
    connection.execute(
        _HEAR,
        {
            "name": heard.device,
            "new": heard.sequence,
            "arrived": now,
            "clock": max(-MOST_CLOCK, min(times.stamp(report.at) - now, MOST_CLOCK)),
            "rest": report.left,
            "told": said,
            "version": report.agent,
            "site": report.site,
            "cameras": text_of({name: plain(state) for name, state in report.streams.items()}),
            "lost": lost,
        },
    )
    return stored


def _checked(row: "Row[Any] | None", heard: Heard) -> "Row[Any]":
    if row is None:
        raise NotADevice(heard.device)
    if row.public_key != heard.public_key:
        raise KnownOtherwise(heard.device)
    if row.revoked_at is not None:
        raise Revoked(heard.device)
    check_sequence(heard.sequence, row.sequence)
    return row


def _digest(report: Report) -> str:
    """Of what it says of its models."""
    said = "\n".join(one.model_dump_json() for one in report.standings)
    return hashlib.sha256(said.encode()).hexdigest()


def _note_standings(connection: Connection, device: str, standings: tuple[Standing, ...], now: int) -> None:
    """What it runs now, and since when."""
    before = {row.model: row for row in connection.execute(select(STANDINGS).where(STANDINGS.c.device == device))}
    connection.execute(delete(STANDINGS).where(STANDINGS.c.device == device))
    told = {one.model: one for one in standings}
    for model in before.keys() - told.keys():
        _end_span(connection, device, model, now)
    for model, one in told.items():
        there = before.get(model)
        if there is not None and _what(one) == (there.release, there.bundle, there.variant):
            since = there.since
        else:
            since = now
            _begin_span(connection, device, one, now)
        connection.execute(insert(STANDINGS).values(_standing(device, one, since)))


def _what(one: Standing) -> tuple[int | None, str | None, str | None]:
    return one.release, one.bundle, _plain(one.variant)


def _plain(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _standing(device: str, one: Standing, since: int) -> dict[str, Any]:
    told = one.model_dump(exclude={"bad"})
    plain = {name: _plain(value) if isinstance(value, str) else value for name, value in told.items()}
    return {**plain, "device": device, "since": since, "bad": json.dumps(one.bad)}


def _end_span(connection: Connection, device: str, model: str, now: int) -> None:
    its = (SPANS.c.device == device) & (SPANS.c.model == model)
    connection.execute(delete(SPANS).where(its & (SPANS.c.begin >= now)))
    connection.execute(update(SPANS).where(its & (SPANS.c.end.is_(None) | (SPANS.c.end > now))).values(end=now))


def _begin_span(connection: Connection, device: str, one: Standing, now: int) -> None:
    what = {"release": one.release, "bundle": one.bundle, "variant": _plain(one.variant)}
    _end_span(connection, device, one.model, now)
    connection.execute(insert(SPANS).values(device=device, model=one.model, begin=now, end=None, **what))
    if one.release is not None and one.bundle is not None:
        release_told(connection, device, one.model, one.bundle, one.release)


@dataclass(frozen=True)
class _Times:
    enrolled: int
    now: int

    def placed(self, record: Record) -> int:
        """When a record counts."""
        at, now = times.stamp(record.at), max(self.now, self.enrolled)
        return at if self.enrolled - SLACK <= at <= now + SLACK else now


def _take_records(connection: Connection, adder: Adder, heard: Heard, when: _Times) -> tuple[int, int]:
    """How many were new, and how many of them said nothing."""
    spools: dict[str, Ranges] = {}
    sums: dict[tuple[int, int], Sum] = {}
    stored = lost = 0
    for record in heard.report.records:
        generation, _, number = record.name.partition("-")
        if generation not in spools:
            spools[generation] = _spool(connection, heard.device, generation)
        if not spools[generation].add(int(number)):
            continue
        stored += 1
        try:
            _take_record(connection, adder, heard.device, record, when.placed(record), sums)
        except Unreadable:
            lost += 1
    for (subject, at), done in sums.items():
        adder.add(heard.device, subject, at, done)
    for generation, ranges in spools.items():
        _keep_spool(connection, heard.device, generation, ranges, when.now)
    return stored, lost


def _take_record(
    connection: Connection,
    adder: Adder,
    device: str,
    record: Record,
    at: int,
    sums: dict[tuple[int, int], Sum],
) -> None:
    """What belongs to one window is added up first: a window comes as counts and as a sketch."""
    match record.kind:
        case "counts" | "sketch":
            done = counts_in(record.body) if record.kind == "counts" else sketch_in(record.body)
            sums.setdefault((adder.subject(subject_named(record.subject)), at), Sum()).add(done)
        case "sample":
            sample = sample_in(record.body, device)
            if connection.scalar(select(SAMPLES.c.decision).where(SAMPLES.c.decision == sample.decision)) is None:
                row = {"device": device, "subject": adder.subject(subject_named(record.subject)), "at": at}
                told = {"decision": sample.decision, "why": sample.why, "picture": sample.picture,
                        "told": text_of(sample.told)}  # fmt: skip
                more = {"confidence": sample.confidence, "novelty": sample.novelty, "size": len(sample.picture)}
                connection.execute(insert(SAMPLES).values(**row, **told, **more))
        case "state":
            """What it changed stands in the report itself; `spans` remembers it."""


def _spool(connection: Connection, device: str, generation: str) -> Ranges:
    its = (NAMES.c.device == device) & (NAMES.c.generation == generation)
    return Ranges(connection.scalar(select(NAMES.c.ranges).where(its)) or "[]")


def _keep_spool(connection: Connection, device: str, generation: str, ranges: Ranges, now: int) -> None:
    its = (NAMES.c.device == device) & (NAMES.c.generation == generation)
    kept = {"ranges": ranges.to_text(), "at": now}
    if connection.execute(update(NAMES).where(its).values(**kept)).rowcount:
        return
    connection.execute(insert(NAMES).values(device=device, generation=generation, **kept))
    latest = select(NAMES.c.generation).where(NAMES.c.device == device).order_by(NAMES.c.at.desc())
    former = connection.scalars(latest.offset(MOST_SPOOLS)).all()
    if former:
        connection.execute(delete(NAMES).where(NAMES.c.device == device, NAMES.c.generation.in_(former)))
