"""What decisions should have been, told later: by site and release, how often a device was right.

A label may be quicker than the device, which was offline and has told of no release yet. It waits without one, and gets
it when the device tells. The site is the device's when the label was told.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from slipway.serving.edge.decisions import PREFIX, parse_id
from slipway.serving.fleet.facts import Outcome
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.refusals import Conflicting, NotADevice, StoreRefuses
from slipway.serving.fleet.store.tables import DEVICES, OUTCOMES, SAMPLES, SPANS, SUBJECTS

CONFIDENCE: Final = 1.96
"""Of 95 per cent, in standard deviations."""


@dataclass(frozen=True)
class Told:
    """An outcome, as somebody tells it."""

    decision: str
    right: bool
    truth: str
    source: str
    model: str | None = None
    """Where the device runs several that could have decided."""


@dataclass(frozen=True)
class Precision:
    """How often a release was right at a site, of what is known."""

    model: str
    release: int | None
    site: str | None
    right: int
    known: int

    @property
    def share(self) -> float:
        """Of those known."""
        return self.right / self.known

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, at 95 per cent."""
        return wilson(self.right, self.known)


def wilson(right: int, known: int) -> tuple[float, float]:
    """Where the share lies, after so many."""
    square = CONFIDENCE**2
    middle = (right + square / 2) / (known + square)
    wide = CONFIDENCE / (known + square) * math.sqrt(right * (known - right) / known + square / 4)
    return max(0.0, middle - wide), min(1.0, middle + wide)


def tell(connection: Connection, told: Told, by: str, now: int) -> bool:
    """Store it; False where it was told before. Each source says one thing of a decision."""
    its = (OUTCOMES.c.decision == told.decision) & (OUTCOMES.c.source == told.source)
    before = connection.execute(select(OUTCOMES.c.right, OUTCOMES.c.truth).where(its)).first()
    if before is not None:
        if (bool(before.right), before.truth) != (told.right, told.truth):
            raise Conflicting(
                f"`{told.source}` has said before that {told.decision} should have been `{before.truth}`.",
                mend="Tell a correction under a source of its own: the last one told counts.",
            )
        return False
    connection.execute(insert(OUTCOMES).values(**_row(connection, told), told_at=now, told_by=by))
    return True


def _row(connection: Connection, told: Told) -> dict[str, Any]:
    decision = parse_id(told.decision)
    device = connection.execute(select(DEVICES.c.site).where(DEVICES.c.id == decision.device)).first()
    if device is None:
        raise NotADevice(decision.device)
    at = times.stamp(decision.at)
    model, release = _decided(connection, told, decision.device, decision.bundle, at)
    return {
        "decision": told.decision,
        "source": told.source,
        "device": decision.device,
        "site": device.site,
        "model": model,
        "release": release,
        "bundle": decision.bundle,
        "right": int(told.right),
        "truth": told.truth,
        "at": at,
    }


def _decided(connection: Connection, told: Told, device: str, bundle: str, at: int) -> tuple[str, int | None]:
    """Which release it was: the one with that bundle that ran nearest to the moment."""
    query = select(SPANS.c.model, SPANS.c.release, SPANS.c.begin).where(
        SPANS.c.device == device, SPANS.c.bundle.startswith(bundle, autoescape=True)
    )
    if told.model is not None:
        query = query.where(SPANS.c.model == told.model)
    rows = sorted(connection.execute(query), key=lambda row: abs(row.begin - at) if row.begin > at else 0)
    if rows:
        return rows[0].model, rows[0].release
    if told.model is not None:
        return told.model, None
    raise StoreRefuses(
        f"`{device}` has told of no release whose bundle begins with {bundle}, so nobody knows which model decided.",
        mend="Say `model` as well.",
    )


def release_told(connection: Connection, device: str, model: str, bundle: str, release: int) -> None:
    """A device tells of a release: outcomes of its bundle that wait for one have it now."""
    its = (OUTCOMES.c.device == device) & (OUTCOMES.c.model == model) & OUTCOMES.c.release.is_(None)
    connection.execute(update(OUTCOMES).where(its, OUTCOMES.c.bundle == bundle[:PREFIX]).values(release=release))


def outcomes(connection: Connection, model: str, since: int, until: int) -> list[Outcome]:
    """Of decisions in a span of time, by moment."""
    its = (OUTCOMES.c.model == model) & (OUTCOMES.c.at >= since) & (OUTCOMES.c.at < until)
    return [_outcome(row) for row in connection.execute(select(OUTCOMES).where(its).order_by(OUTCOMES.c.at))]


def _outcome(row: "Row[Any]") -> Outcome:
    return Outcome(
        decision=row.decision,
        device=row.device,
        site=row.site,
        model=row.model,
        release=row.release,
        bundle=row.bundle,
        right=bool(row.right),
        truth=row.truth,
        source=row.source,
        at=times.moment(row.at),
        told_at=times.moment(row.told_at),
    )


def precision(connection: Connection, model: str, since: int, until: int) -> list[Precision]:
    """By release and site; of what several sources said of a decision the last counts."""
    place = func.row_number().over(
        partition_by=OUTCOMES.c.decision, order_by=(OUTCOMES.c.told_at.desc(), OUTCOMES.c.source.desc())
    )
    its = (OUTCOMES.c.model == model) & (OUTCOMES.c.at >= since) & (OUTCOMES.c.at < until)
    last = select(OUTCOMES.c.release, OUTCOMES.c.site, OUTCOMES.c.right, place.label("place")).where(its).subquery()
    query = (
        select(last.c.release, last.c.site, func.sum(last.c.right).label("right"), func.count().label("known"))
        .where(last.c.place == 1)
        .group_by(last.c.release, last.c.site)
        .order_by(last.c.release, last.c.site)
    )
    return [Precision(model, row.release, row.site, int(row.right), row.known) for row in connection.execute(query)]


def decisions(model: str, release: int) -> Select[str]:
    """Names that are known, of samples and outcomes, in order."""
    sampled = (
        select(SAMPLES.c.decision)
        .join(SUBJECTS, SUBJECTS.c.number == SAMPLES.c.subject)
        .where(SUBJECTS.c.model == model, SUBJECTS.c.release == release)
    )
    told = select(OUTCOMES.c.decision).where(OUTCOMES.c.model == model, OUTCOMES.c.release == release)
    known = sampled.union(told).subquery()
    return select(known.c.decision).order_by(known.c.decision)
