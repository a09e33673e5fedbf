"""Which runs there are, for a table: those under way first, as they are now, then the latest that have ended.

Work that lost its process and is to be taken up again stands with what is under way. Both are found by their markers
and looked at in their records; work that has ended is read from the index. So the cost goes with what is shown, not
with how much there is.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from slipway.platform.jobs.spec import JobSpec
from slipway.platform.jobs.spending import lived, spent
from slipway.platform.jobs.wishes import wishes
from slipway.platform.runs import index
from slipway.platform.runs.entries import GOES_ON, Entry, entry_for
from slipway.platform.runs.errors import RunsError
from slipway.platform.runs.layout import WorkKeys
from slipway.platform.runs.records import State
from slipway.platform.runs.standing import Here, Standing, standing
from slipway.platform.store import ObjectMissing, Store

LIMIT: Final = 20
UNDER_WAY: Final = frozenset({State.PENDING, State.RUNNING})
_PARALLEL: Final = 16


@dataclass(frozen=True)
class Wanted:
    """Which runs; what is None is not asked for."""

    active: bool = False
    """Only those under way, or to be taken up again."""
    model: str | None = None
    team: str | None = None
    person: str | None = None
    """Who started it, or wants it."""
    limit: int | None = LIMIT
    """Of those that have ended; None is all."""


@dataclass(frozen=True)
class Row:
    """A run in the table."""

    entry: Entry
    phase: str = ""
    """Of one under way."""
    step: int = 0
    steps: int = 0
    lasting: timedelta = timedelta(0)
    """Since the attempt under way was made, by the store's clock."""
    cost: Decimal = Decimal(0)
    """So far."""
    currency: str = ""
    people: frozenset[str] = frozenset()
    """Who wants it."""
    awaiting: bool = False
    """Whether nobody is at it, and somebody is to take it up again."""

    @property
    def under_way(self) -> bool:
        """Whether somebody is at it."""
        return self.entry.state in UNDER_WAY

    @property
    def seconds(self) -> float:
        """What all attempts took so far."""
        return self.entry.seconds + self.lasting.total_seconds()

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        told = self.entry.model_dump(mode="json")
        now = {"seconds": round(self.seconds, 3), "cost": str(self.cost), "currency": self.currency}
        far = {"phase": self.phase, "step": self.step, "steps": self.steps}
        return {**told, **now, **far, "awaiting": self.awaiting}


def runs(store: Store, here: Here, wanted: Wanted) -> list[Row]:
    """Those under way, the latest first, and behind them those that have ended, the latest first."""
    looked = {row.entry.key: row for row in _look(store, here, index.active(store))}
    fitting = _sorted(row for row in looked.values() if _fits(row, wanted))
    under_way = [row for row in fitting if row.under_way or row.awaiting]
    if wanted.active:
        return under_way
    found = index.entries(store, model=wanted.model, team=wanted.team, person=wanted.person)
    ended = list(islice((one for one in found if one.key not in looked), wanted.limit))
    behind = [row for row in fitting if not (row.under_way or row.awaiting)]
    return [*under_way, *_sorted([*behind, *_checked(store, here, ended)])[: wanted.limit]]


def look_at(store: Store, here: Here, key: str) -> Row | None:
    """One run as it is now; None where nobody has begun it."""
    now = standing(store, key, here)
    entry = entry_for(store, now)
    if entry is None:
        return None
    people = frozenset({entry.person, *(one.person for one in wishes(store, key))})
    if now.outcome is not None or now.result is not None:
        return replace(_ended(entry, people), awaiting=_is_awaiting(now))
    cost, currency = _cost(store, now)
    beat = now.heartbeat
    return Row(
        entry=entry,
        phase=beat.phase if beat else "",
        step=beat.step if beat else 0,
        steps=beat.steps if beat else 0,
        lasting=_lasting(store, now),
        cost=cost,
        currency=currency,
        people=people,
        awaiting=_is_awaiting(now),
    )


def _is_awaiting(now: Standing) -> bool:
    """Whether its marker, where it has one, means that it is to be taken up."""
    if now.under_way or now.result is not None or now.spec is None or not now.spec.job:
        return False
    return now.outcome is None or now.outcome.cause in GOES_ON


def _lasting(store: Store, now: Standing) -> timedelta:
    """Of the last attempt, which has no outcome: until now, or until its last sign of life."""
    if now.under_way:
        return store.age(WorkKeys(now.key).attempt(now.number).spec)
    return timedelta(seconds=lived(store, now.key, now.number))


def _look(store: Store, here: Here, keys: Iterable[str]) -> list[Row]:
    def look(key: str) -> Row | None:
        with suppress(RunsError, ObjectMissing):  # one that is damaged hides no other
            return look_at(store, here, key)
        return None

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return [row for row in pool.map(look, keys) if row is not None]


def _checked(store: Store, here: Here, entries: Iterable[Entry]) -> list[Row]:
    """Entries say how work ended; of one that says that it has not, the record decides."""
    rows = []
    for entry in entries:
        if entry.ended is not None:
            rows.append(_ended(entry))
        else:
            rows += [replace(row, awaiting=False) for row in _look(store, here, [entry.key])]
    return rows


def _ended(entry: Entry, people: frozenset[str] = frozenset()) -> Row:
    return Row(entry, cost=entry.cost, currency=entry.currency, people=people)


def _fits(row: Row, wanted: Wanted) -> bool:
    entry = row.entry
    return (
        wanted.model in (None, entry.model)
        and wanted.team in (None, entry.team)
        and (wanted.person is None or wanted.person in {entry.person, *row.people})
    )


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.entry.created, row.entry.name), reverse=True)


def _cost(store: Store, now: Standing) -> tuple[Decimal, str]:
    if now.spec is None or not now.spec.job:
        return Decimal(0), ""
    with suppress(RunsError):  # without its job nobody knows its price
        job = JobSpec.load(store, now.spec.job)
        return spent(store, job), job.price.currency
    return Decimal(0), ""
