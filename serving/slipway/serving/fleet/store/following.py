"""Which devices follow a model, with what each does with it: the rows that the progress of a wave is counted from.

A page counts all devices each time it is made, so these are plain rows and no facts.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, and_, case, func, or_, select

from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.tables import DEVICES, HEARD, STANDINGS


class Follower(NamedTuple):
    """A device that is to run a model, or does."""

    id: str
    device_class: str
    site: str | None
    cohorts: frozenset[str]
    heard_at: int | None
    """In the store's milliseconds: few are ever shown."""
    release: int | None
    shadow: int | None
    coming: int | None
    bad: tuple[int, ...]

    def silent(self, since: int) -> bool:
        """Whether it has said nothing since then."""
        return self.heard_at is None or self.heard_at < since


class ReleaseCount(NamedTuple):
    """How many devices run a release of a model."""

    model: str
    release: int | None
    devices: int


class PhaseCount(NamedTuple):
    """How many devices are in a phase with a release of a model."""

    model: str
    release: int | None
    phase: str
    devices: int


class HeardCount(NamedTuple):
    """How many devices there are, and how many of them have been silent since a moment."""

    devices: int
    silent: int


NOTHING: frozenset[str] = frozenset()


def followers(connection: Connection, model: str) -> Iterator[Follower]:
    """Those that are not revoked, by id."""
    its = and_(STANDINGS.c.device == DEVICES.c.id, STANDINGS.c.model == model)
    query = (
        select(
            DEVICES.c.id, DEVICES.c.device_class, DEVICES.c.site, DEVICES.c.cohorts, HEARD.c.at,
            STANDINGS.c.release, STANDINGS.c.shadow, STANDINGS.c.coming, STANDINGS.c.bad,
        )
        .select_from(DEVICES.outerjoin(HEARD, HEARD.c.device == DEVICES.c.id).outerjoin(STANDINGS, its))
        .where(DEVICES.c.revoked_at.is_(None))
        .where(or_(STANDINGS.c.device.is_not(None), DEVICES.c.models.contains(json.dumps(model), autoescape=True)))
        .order_by(DEVICES.c.id)
    )  # fmt: skip
    for name, kind, site, cohorts, at, release, shadow, coming, bad in connection.execute(query):
        of = NOTHING if cohorts == "[]" else frozenset(json.loads(cohorts))
        failed = () if bad in (None, "[]") else tuple(json.loads(bad))
        yield Follower(name, kind, site, of, at, release, shadow, coming, failed)


def running(connection: Connection) -> list[ReleaseCount]:
    """Of all models, by release."""
    query = (
        select(STANDINGS.c.model, STANDINGS.c.release, func.count())
        .select_from(STANDINGS.join(DEVICES, DEVICES.c.id == STANDINGS.c.device))
        .where(DEVICES.c.revoked_at.is_(None))
        .group_by(STANDINGS.c.model, STANDINGS.c.release)
    )
    return [ReleaseCount(*row) for row in connection.execute(query)]


def phases(connection: Connection) -> list[PhaseCount]:
    """Of all models, by release and phase."""
    which = (STANDINGS.c.model, STANDINGS.c.release, STANDINGS.c.phase)
    query = (
        select(*which, func.count())
        .select_from(STANDINGS.join(DEVICES, DEVICES.c.id == STANDINGS.c.device))
        .where(DEVICES.c.revoked_at.is_(None))
        .group_by(*which)
        .order_by(*which)
    )
    return [PhaseCount(*row) for row in connection.execute(query)]


def heard(connection: Connection, since: int) -> HeardCount:
    """Of all that are not revoked."""
    late = case((HEARD.c.at >= since, 0), else_=1)
    query = (
        select(func.count(), func.sum(late))
        .select_from(DEVICES.outerjoin(HEARD, HEARD.c.device == DEVICES.c.id))
        .where(DEVICES.c.revoked_at.is_(None))
    )
    count, silent = connection.execute(query).one()
    return HeardCount(count, int(silent or 0))


def silent_before(now: int, minutes: float) -> int:
    """Who has said nothing since then counts as silent."""
    return now - round(minutes * 60 * times.SECOND)
