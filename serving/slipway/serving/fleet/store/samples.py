"""Pictures that devices sent because a policy asked for them, as whoever labels them reads them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from slipway.serving.edge.decisions import parse_id
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.tables import DEVICES, SAMPLES, SUBJECTS

TOGETHER: Final = 500
"""Names of decisions that are asked for at once."""


@dataclass(frozen=True)
class Kept:
    """A picture that is kept, without its bytes."""

    decision: str
    device: str
    site: str | None
    """The device's."""
    model: str
    release: int | None
    bundle: str
    """The first digits of its digest, as the decision's name has them."""
    taken: datetime
    """When it was decided, by the device's clock."""
    at: datetime
    """The same as the service believes it."""
    why: str
    confidence: float | None
    novelty: float | None
    size: int
    told: Mapping[str, Any] = field(default_factory=dict)
    """`stream`, and `answer` with its `score`, or `boxes`; empty where the device is older than this."""


def kept(
    connection: Connection, model: str | None, since: int | None, decisions: Collection[str] | None = None
) -> list[Kept]:
    """Pictures of a model, or of all, from a moment on, by moment; of these decisions alone, where they are named."""
    query = _query()
    if model is not None:
        query = query.where(SUBJECTS.c.model == model)
    if since is not None:
        query = query.where(SAMPLES.c.at >= since)
    if decisions is None:
        rows: Sequence[Row[Any]] = connection.execute(query).all()
    else:
        names = sorted(decisions)
        parts = [names[begin : begin + TOGETHER] for begin in range(0, len(names), TOGETHER)]
        rows = [row for part in parts for row in connection.execute(query.where(SAMPLES.c.decision.in_(part)))]
    return sorted(map(_kept, rows), key=lambda one: (one.at, one.decision))


def picture(connection: Connection, decision: str) -> bytes | None:
    """The bytes, where the picture is still kept."""
    found = connection.scalar(select(SAMPLES.c.picture).where(SAMPLES.c.decision == decision))
    return None if found is None else bytes(found)


def _query() -> Select[Any]:
    columns = [column for column in SAMPLES.c if column.name != "picture"]
    joined = SAMPLES.join(SUBJECTS, SUBJECTS.c.number == SAMPLES.c.subject)
    joined = joined.outerjoin(DEVICES, DEVICES.c.id == SAMPLES.c.device)
    return select(*columns, SUBJECTS.c.model, SUBJECTS.c.release, DEVICES.c.site).select_from(joined)


def _kept(row: "Row[Any]") -> Kept:
    decision = parse_id(row.decision)
    return Kept(
        decision=row.decision,
        device=row.device,
        site=row.site,
        model=row.model,
        release=row.release,
        bundle=decision.bundle,
        taken=decision.at,
        at=times.moment(row.at),
        why=row.why,
        confidence=row.confidence,
        novelty=row.novelty,
        size=row.size,
        told=json.loads(row.told) if row.told else {},
    )
