"""The book of notices: what needs a person now, where it was sent, and what is silenced; kept in the fleet store.

Whoever sends claims first: a row says who sends which cause where, and until when that counts. So two senders do not
send the same at once. One that is killed in between leaves its claim, and when that is over another sends the cause, so
a notice may come twice after a crash and is never lost.

A cause has ended when nobody has seen it for a while, so that one which comes and goes is told once.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import Connection, Insert, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from slipway.serving.fleet.notices.notice import Notice, Weight, kind_of
from slipway.serving.fleet.store import opening, times
from slipway.serving.fleet.store.tables import NOTICES, SENDINGS, SILENCES

if TYPE_CHECKING:
    from slipway.platform.settings import Loaded

CALM: Final = timedelta(minutes=5)
"""So long a cause must not have been seen to count as ended."""
CLAIM: Final = timedelta(minutes=5)
"""So long a sender has to send and to say that it did."""
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
"""After failures it is tried again, ever more seldom."""


_NOTICES: Final = select(NOTICES, NOTICES.c.count.label("times"))
"""A row's own `count` is the tuple's."""


@dataclass(frozen=True)
class Silence:
    """A cause of which nobody hears for a while."""

    cause: str
    until: datetime
    reason: str
    person: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """A notice as it is in the book."""

    notice: Notice
    first_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None
    silence: Silence | None = None
    told_at: datetime | None = None
    """When it was sent last, wherever."""
    failed: int = 0
    """How often in a row it could not be sent."""
    raised: bool = False
    """Whether somebody told it, and somebody ends it; else looks find it."""

    @property
    def order(self) -> tuple[int, datetime, str]:
        """The weightiest first, then the longest."""
        return -self.notice.weight.rank, self.first_at, self.notice.cause


@dataclass(frozen=True)
class Claimed:
    """What one sender sends to one place now."""

    standing: Standing
    place: str
    claim: str

    @property
    def over(self) -> bool:
        """Whether it tells the end."""
        return self.standing.ended_at is not None


def _now() -> datetime:
    return datetime.now(UTC)


class Book:
    """Any process may open it, also while the service runs."""

    def __init__(self, url: str, root: Path, *, now: Callable[[], datetime] = _now) -> None:
        self.now = now
        self._engine = opening.open_engine(opening.address(url, root), writes=True)
        try:
            opening.prepare(self._engine)
        except BaseException:
            self._engine.dispose()
            raise

    @classmethod
    def of(cls, loaded: "Loaded", *, now: Callable[[], datetime] = _now) -> Self:
        """The one of the settings."""
        return cls(loaded.settings.fleet.database, loaded.root, now=now)

    def close(self) -> None:
        """Let go."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seen(self, notices: Iterable[Notice], unknown: Collection[str] = ()) -> None:
        """What a look found. The rest ends, but what was raised, and what is of a kind that could not be looked at."""
        found = {one.cause: one for one in notices}
        with self._begin() as (connection, now):
            for one in found.values():
                _note(connection, one, now, raised=False)
            lasting = select(NOTICES.c.cause, NOTICES.c.gone_at).where(
                NOTICES.c.raised == 0, NOTICES.c.ended_at.is_(None)
            )
            for row in connection.execute(lasting).all():
                if row.cause not in found and kind_of(row.cause) not in unknown:
                    _gone(connection, row.cause, row.gone_at, now)

    def tell(self, notice: Notice) -> None:
        """Raise one that no look finds; it lasts until `end`. Told again, it is the same one."""
        with self._begin() as (connection, now):
            _note(connection, notice, now, raised=True)

    def end(self, cause: str) -> bool:
        """End one that was raised; False where there is none."""
        with self._begin() as (connection, now):
            its = (NOTICES.c.cause == cause) & (NOTICES.c.raised == 1) & NOTICES.c.ended_at.is_(None)
            return bool(connection.execute(update(NOTICES).where(its).values(ended_at=now)).rowcount)

    def silence(self, cause: str, until: datetime, reason: str, person: str) -> None:
        """Nobody hears of it until then; a later one takes the place of an earlier one."""
        with self._begin() as (connection, now):
            connection.execute(delete(SILENCES).where(SILENCES.c.cause == cause))
            row = {"cause": cause, "until": times.stamp(until), "reason": reason, "person": person, "at": now}
            connection.execute(insert(SILENCES).values(row))

    def unsilence(self, cause: str) -> bool:
        """People hear of it again; False where it was not silenced."""
        with self._begin() as (connection, now):
            its = (SILENCES.c.cause == cause) & (SILENCES.c.until > now)
            return bool(connection.execute(delete(SILENCES).where(its)).rowcount)

    def standings(self) -> list[Standing]:
        """All that lasts, the weightiest first."""
        with self._begin() as (connection, now):
            return lasting(connection, now)

    def silences(self) -> list[Silence]:
        """Those that hold now."""
        with self._begin() as (connection, now):
            return list(silences_at(connection, now).values())

    def claim(self, place: str, repeat: timedelta) -> Claimed | None:
        """The next one that is due at a place, for this sender alone; None where none is."""
        with self._begin() as (connection, now):
            quiet = silences_at(connection, now)
            rows = connection.execute(_NOTICES.order_by(NOTICES.c.first_at)).all()
            sent = {row.cause: row for row in connection.execute(select(SENDINGS).where(SENDINGS.c.place == place))}
            for row in rows:
                if row.cause not in quiet and _due(row, sent.get(row.cause), now, repeat):
                    claim = secrets.token_hex(8)
                    if _take(connection, row, place, claim, (now, repeat)):
                        return Claimed(_standing(row, quiet, {}), place, claim)
        return None

    def sent(self, claimed: Claimed) -> None:
        """It arrived there."""
        notice = claimed.standing.notice
        with self._begin() as (connection, now):
            if claimed.over:
                connection.execute(delete(SENDINGS).where(_its(claimed)))
            else:
                done = {"told_at": now, "weight": notice.weight.value, "claim": None, "claimed_until": None}
                connection.execute(update(SENDINGS).where(_its(claimed)).values(**done, failed=0))

    def failed(self, claimed: Claimed) -> None:
        """It did not; it is due again after a pause."""
        with self._begin() as (connection, now):
            failed = connection.scalar(select(SENDINGS.c.failed).where(_its(claimed)))
            if failed is not None:
                pause = min(FIRST_PAUSE * 2 ** min(failed, 10), LONGEST_PAUSE)
                later = {"claim": None, "claimed_until": now + pause // timedelta(milliseconds=1)}
                connection.execute(update(SENDINGS).where(_its(claimed)).values(**later, failed=failed + 1))

    def tidy(self, places: Collection[str]) -> None:
        """Forget places that settings name no more, silences that are over, and ends that everybody heard."""
        with self._begin() as (connection, now):
            connection.execute(delete(SENDINGS).where(SENDINGS.c.place.not_in(list(places))))
            connection.execute(delete(SILENCES).where(SILENCES.c.until <= now))
            quiet = list(silences_at(connection, now))
            ended = select(NOTICES.c.cause).where(NOTICES.c.ended_at.is_not(None))
            waits = select(SENDINGS.c.cause).where(SENDINGS.c.told_at.is_not(None), SENDINGS.c.cause.not_in(quiet))
            over = list(connection.scalars(ended.where(NOTICES.c.cause.not_in(waits))))
            connection.execute(delete(SENDINGS).where(SENDINGS.c.cause.in_(over)))
            connection.execute(delete(NOTICES).where(NOTICES.c.cause.in_(over)))

    @contextmanager
    def _begin(self) -> Iterator[tuple[Connection, int]]:
        with self._engine.begin() as connection:
            yield connection, times.stamp(self.now())


def lasting(connection: Connection, now: int) -> list[Standing]:
    """What has not ended, the weightiest first."""
    quiet = silences_at(connection, now)
    sent: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(select(SENDINGS)):
        sent.setdefault(row.cause, []).append(row)
    rows = connection.execute(_NOTICES.where(NOTICES.c.ended_at.is_(None))).all()
    found = [_standing(row, quiet, sent) for row in rows]
    return sorted(found, key=lambda one: one.order)


def _note(connection: Connection, notice: Notice, now: int, *, raised: bool) -> None:
    values = {
        "weight": notice.weight.value,
        "title": notice.title,
        "text": notice.text,
        "command": notice.command,
        "model": notice.model,
        "site": notice.site,
        "count": notice.count,
        "raised": int(raised),
        "seen_at": now,
        "gone_at": None,
    }
    its = NOTICES.c.cause == notice.cause
    before = connection.execute(select(NOTICES.c.ended_at).where(its).with_for_update()).first()
    if before is not None and before.ended_at is None:
        connection.execute(update(NOTICES).where(its).values(values))
        return
    if before is not None:  # it is back: what was told of it before is no matter
        connection.execute(delete(SENDINGS).where(SENDINGS.c.cause == notice.cause))
        connection.execute(delete(NOTICES).where(its))
    _added(connection, insert(NOTICES).values(cause=notice.cause, first_at=now, ended_at=None, **values))


def _gone(connection: Connection, cause: str, gone_at: int | None, now: int) -> None:
    its = NOTICES.c.cause == cause
    if gone_at is None:
        connection.execute(update(NOTICES).where(its).values(gone_at=now))
    elif now - gone_at >= CALM // timedelta(milliseconds=1):
        connection.execute(update(NOTICES).where(its).values(ended_at=now))


def silences_at(connection: Connection, now: int) -> dict[str, Silence]:
    """Those that hold then, by cause."""
    rows = connection.execute(select(SILENCES).where(SILENCES.c.until > now).order_by(SILENCES.c.cause))
    return {
        row.cause: Silence(row.cause, times.moment(row.until), row.reason, row.person, times.moment(row.at))
        for row in rows
    }


def _due(row: "Row[Any]", sent: "Row[Any] | None", now: int, repeat: timedelta) -> bool:
    """Whether a place should hear of it now, as nobody tells it already."""
    if sent is not None and sent.claimed_until is not None and sent.claimed_until > now:
        return False
    told_at = None if sent is None else sent.told_at
    if row.ended_at is not None:
        return told_at is not None
    if told_at is None or sent is None:
        return True
    heavier = Weight(row.weight).rank > Weight(sent.weight).rank
    return heavier or now - told_at >= repeat // timedelta(milliseconds=1)


def _take(connection: Connection, row: "Row[Any]", place: str, claim: str, moments: tuple[int, timedelta]) -> bool:
    """Take it, if nobody was quicker: it is looked at once more, and from then on others wait."""
    now, repeat = moments
    its = (SENDINGS.c.cause == row.cause) & (SENDINGS.c.place == place)
    mine = {"claim": claim, "claimed_until": now + CLAIM // timedelta(milliseconds=1)}
    there = connection.execute(select(SENDINGS).where(its).with_for_update()).first()
    if there is None:
        return _added(connection, insert(SENDINGS).values(cause=row.cause, place=place, failed=0, **mine))
    if not _due(row, there, now, repeat):
        return False
    connection.execute(update(SENDINGS).where(its).values(mine))
    return True


def _added(connection: Connection, row: Insert) -> bool:
    """Whether the row is new; False where another process was quicker."""
    try:
        with connection.begin_nested():
            connection.execute(row)
    except IntegrityError:
        return False
    return True


def _its(claimed: Claimed) -> Any:  # noqa: ANN401 - a condition
    """The row of a claim, as long as it is this sender's."""
    cause = claimed.standing.notice.cause
    return (SENDINGS.c.cause == cause) & (SENDINGS.c.place == claimed.place) & (SENDINGS.c.claim == claimed.claim)


def _standing(row: "Row[Any]", quiet: Mapping[str, Silence], sent: "Mapping[str, Sequence[Row[Any]]]") -> Standing:
    told = sent.get(row.cause, ())
    return Standing(
        notice=Notice(
            cause=row.cause,
            weight=Weight(row.weight),
            title=row.title,
            text=row.text,
            command=row.command,
            at=times.moment(row.first_at),
            model=row.model,
            site=row.site,
            count=row.times,
        ),
        first_at=times.moment(row.first_at),
        seen_at=times.moment(row.seen_at),
        ended_at=times.moment_or_none(row.ended_at),
        silence=quiet.get(row.cause),
        told_at=times.moment_or_none(max((one.told_at for one in told if one.told_at), default=None)),
        failed=max((one.failed for one in told), default=0),
        raised=bool(row.raised),
    )
