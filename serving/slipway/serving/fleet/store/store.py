"""The fleet store: what `facts.Fleet` promises, from a database, and all that changes it.

Reading and writing go separate ways: whoever reads sees the last commit and waits for nobody; all writing is one
thread's (`writer`). Times come from the clock that the store was opened with.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import Connection, insert, select, text, update

from slipway.platform.settings import schema
from slipway.serving.edge.fleet.wire import Enrolling
from slipway.serving.fleet.facts import DeviceFacts, Outcome, Work
from slipway.serving.fleet.store import (
    enrolling,
    following,
    looks,
    opening,
    outcomes,
    people,
    reading,
    reporting,
    retaining,
    samples,
    spanning,
    times,
    working,
)
from slipway.serving.fleet.store.enrolling import By, Place, Token
from slipway.serving.fleet.store.following import Follower, HeardCount, PhaseCount, ReleaseCount
from slipway.serving.fleet.store.looks import Looked
from slipway.serving.fleet.store.outcomes import Precision, Told
from slipway.serving.fleet.store.packing import Sum
from slipway.serving.fleet.store.people import Session
from slipway.serving.fleet.store.reading import Crowd, Done, MadeToken, Span, Strange, Wanted
from slipway.serving.fleet.store.reporting import Heard, Memory
from slipway.serving.fleet.store.retaining import Forgotten
from slipway.serving.fleet.store.tables import DEVICES, STRANGE
from slipway.serving.fleet.store.working import Group
from slipway.serving.fleet.store.writer import Writer

if TYPE_CHECKING:
    from concurrent.futures import Future

    from slipway.platform.settings import Loaded

Answer = TypeVar("Answer")

MOST_SHOWN = 1_000


def _now() -> datetime:
    return datetime.now(UTC)


class FleetStore:
    """Fits `facts.Fleet`. Any thread may use it."""

    def __init__(self, url: str, root: Path, *, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self.url = opening.address(url, root)
        self._writes = opening.open_engine(self.url, writes=True)
        try:
            self.before = opening.prepare(self._writes)
        except BaseException:
            self._writes.dispose()
            raise
        self._reads = opening.open_engine(self.url, writes=False)
        with self._reads.connect() as connection:
            self._memory = Memory(horizons=retaining.horizons(connection))
        self._retaining = threading.Lock()
        self.writer = Writer(self._writes, self._memory.subjects.clear)

    @classmethod
    def of(cls, loaded: "Loaded", *, now: Callable[[], datetime] = _now) -> Self:
        """The store of the settings."""
        return cls(loaded.settings.fleet.database, loaded.root, now=now)

    def close(self) -> None:
        """Write what waits, and let go."""
        self.writer.close()
        self._reads.dispose()
        self._writes.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def devices(
        self,
        *,
        site: str | None = None,
        model: str | None = None,
        release: int | None = None,
        search: str = "",
        after: str = "",
        limit: int | None = None,
    ) -> Sequence[DeviceFacts]:
        """Those that are not revoked, by id; `after` and `limit` make pages."""
        return self.wanted(Wanted(site, model, release, search, after, limit))

    def device(self, name: str) -> DeviceFacts | None:
        """One, also one that was revoked."""
        return self._read(lambda connection: reading.device(connection, name))

    def work(self, model: str, *, since: datetime, until: datetime, releases: Sequence[int] = ()) -> Sequence[Work]:
        """What each device did with each release, added up over the whole span."""
        asked = spanning.Asked(model, times.stamp(since), times.stamp(until), tuple(releases))
        return self._read(lambda connection: working.work(connection, asked, self._memory.horizons))

    def outcomes(self, model: str, *, since: datetime, until: datetime) -> Sequence[Outcome]:
        """Delayed labels of decisions of a model."""
        begin, end = times.stamp(since), times.stamp(until)
        return self._read(lambda connection: outcomes.outcomes(connection, model, begin, end))

    def decisions(self, model: str, release: int) -> Sequence[str]:
        """Names of the decisions of a release that the store knows."""
        return self._read(lambda connection: sorted(connection.scalars(outcomes.decisions(model, release))))

    def wanted(self, wanted: Wanted) -> list[DeviceFacts]:
        """Devices that are so, by id."""
        return self._read(lambda connection: reading.devices(connection, wanted))

    def crowds(self, wanted: Wanted) -> list[Crowd]:
        """By site, how many devices are so, and how they are; the largest first."""
        return self._read(lambda connection: reading.crowds(connection, wanted))

    def classes(self) -> list[str]:
        """The classes that devices have."""
        return self._read(reading.classes)

    def count(self, wanted: Wanted) -> int:
        """How many devices are so, on all pages."""
        return self._read(lambda connection: reading.count_devices(connection, wanted))

    def hours(self, device: str, models: Sequence[str], *, since: datetime, until: datetime) -> list[Work]:
        """What one device did with these models, hour by hour."""
        begin, end = times.stamp(since), times.stamp(until)
        return self._read(lambda connection: working.hours(connection, device, models, (begin, end)))

    def together(
        self, model: str, groups: Mapping[str, Group], *, since: datetime, until: datetime
    ) -> Mapping[tuple[Group, int], Sum]:
        """What groups of devices did with each release; `groups` says which one a device is in."""
        asked = spanning.Asked(model, times.stamp(since), times.stamp(until))
        return self._read(lambda connection: working.together(connection, asked, self._memory.horizons, groups))

    def followers(self, model: str, choose: Callable[[Iterator[Follower]], Answer]) -> Answer:
        """What is chosen of the devices that are to run a model or do; they come one by one, as there are many."""
        return self._read(lambda connection: choose(following.followers(connection, model)))

    def running(self) -> list[ReleaseCount]:
        """How many devices run which release, of all models."""
        return self._read(following.running)

    def heard(self, since: datetime) -> HeardCount:
        """How many devices there are, and how many have been silent since then."""
        return self._read(lambda connection: following.heard(connection, times.stamp(since)))

    def phases(self) -> list[PhaseCount]:
        """How many devices are in which phase with a release, of all models."""
        return self._read(following.phases)

    def look(self, model: str) -> Looked | None:
        """What the controller concluded last of a model."""
        return self._read(lambda connection: looks.look(connection, model))

    def spans(self, device: str | None = None, *, at: datetime | None = None, limit: int = MOST_SHOWN) -> list[Span]:
        """What ran where: of one device or of all, ever or at a moment; the newest first."""
        when = None if at is None else times.stamp(at)
        return self._read(lambda connection: reading.spans(connection, device, when, limit))

    def audit(self, device: str | None = None, *, limit: int = MOST_SHOWN) -> list[Done]:
        """Who made and withdrew tokens, enrolled and revoked, the newest first."""
        return self._read(lambda connection: reading.audit(connection, device, limit))

    def tokens(self) -> list[MadeToken]:
        """Tokens that could still be used."""
        return self._read(lambda connection: reading.tokens(connection, self._stamp()))

    def strange(self, since: datetime) -> Sequence[Strange]:
        """What somebody should look at."""
        return self._read(lambda connection: reading.strange(connection, times.stamp(since)))

    def precision(self, model: str, *, since: datetime, until: datetime) -> list[Precision]:
        """How often devices were right, by release and site."""
        begin, end = times.stamp(since), times.stamp(until)
        return self._read(lambda connection: outcomes.precision(connection, model, begin, end))

    def picture(self, decision: str) -> bytes | None:
        """The picture of a decision, where it is kept."""
        return self._read(lambda connection: samples.picture(connection, decision))

    def key_of(self, device: str) -> str | None:
        """The public key that a device is known by, also one that was revoked."""
        query = select(DEVICES.c.public_key).where(DEVICES.c.id == device)
        return self._read(lambda connection: connection.scalar(query))

    def check(self) -> None:
        """Refuse where the database does not answer."""
        self._read(lambda connection: connection.execute(text("select 1")))

    # What changes it.

    def take(self, heard: Heard) -> "Future[int]":
        """Store a report; done when it is stored for good, with how many of its records were new."""
        now = self._stamp()
        return self.writer.submit(
            lambda connection: reporting.take(connection, heard, now, self._memory), guarded=False
        )

    def enrol(self, asked: Enrolling, sequence: int, signed: bytes) -> "Future[Place]":
        """Make a machine a device."""
        now = self._stamp()
        return self.writer.submit(lambda connection: enrolling.enrol(connection, asked, sequence, signed, now))

    def note_strange(self, device: str, what: str) -> "Future[None]":
        """Count something that somebody should look at, of a device that is known."""
        now = self._stamp()
        return self.writer.submit(lambda connection: _note_strange(connection, device, what, now))

    def make_tokens(self, root: bytes, tokens: Sequence[Token], by: By) -> None:
        """All of them or none."""
        now = self._stamp()
        self.writer.do(lambda connection: enrolling.make_tokens(connection, root, tokens, by, now))

    def withdraw(self, tokens: Sequence[str], reason: str, by: By) -> int:
        """Let tokens, by their sha256, open nothing any more, all or none; how many could have been used."""
        now = self._stamp()
        return int(self.writer.do(lambda connection: enrolling.withdraw(connection, tokens, reason, by, now)))

    def revoke(self, device: str, reason: str, by: By) -> bool:
        """Believe a device nothing more; False where it was revoked before."""
        now = self._stamp()
        return bool(self.writer.do(lambda connection: enrolling.revoke(connection, device, reason, by, now)))

    def tell(self, told: Sequence[Told], by: str) -> int:
        """Store outcomes, all or none; how many are new."""
        now = self._stamp()
        return int(self.writer.do(lambda connection: sum([outcomes.tell(connection, one, by, now) for one in told])))

    def note_look(self, model: str, told: Mapping[str, Any]) -> None:
        """Remember what the controller concludes now."""
        now = self._stamp()
        self.writer.do(lambda connection: looks.note_look(connection, model, told, now))

    def use_nonce(self, nonce: str, until: datetime) -> None:
        """A person's request counts once."""
        self.writer.do(lambda connection: people.use_nonce(connection, nonce, times.stamp(until)))

    def keep_session(self, session: Session) -> None:
        """Begin a session, or its one-time address."""
        self.writer.do(lambda connection: people.keep_session(connection, session))

    def session(self, digest: str, *, opening: bool = False) -> Session | None:
        """A session that has not ended."""
        return self._read(lambda connection: people.session(connection, digest, self._stamp(), opening=opening))

    def open_session(self, opening_digest: str, made: Session) -> bool:
        """Turn a one-time address into a session, once."""
        now = self._stamp()
        return bool(self.writer.do(lambda connection: people.open_session(connection, opening_digest, made, now)))

    def end_session(self, digest: str) -> None:
        """It counts no more."""
        self.writer.do(lambda connection: people.end_session(connection, digest))

    def forget(self, retention: schema.Retention) -> Forgotten:
        """What is older than the settings keep; one at a time."""
        with self._retaining:
            return retaining.forget(self.writer, self._read, retention, self._stamp(), self._memory.horizons)

    def _read(self, question: Callable[[Connection], Answer]) -> Answer:
        with self._reads.connect() as connection:
            return question(connection)

    def _stamp(self) -> int:
        return times.stamp(self._now())


def _note_strange(connection: Connection, device: str, what: str, now: int) -> None:
    if connection.scalar(select(DEVICES.c.id).where(DEVICES.c.id == device)) is None:
        return
    its = (STRANGE.c.device == device) & (STRANGE.c.what == what)
    counted: dict[str, Any] = {"count": STRANGE.c.count + 1, "last": now}
    if not connection.execute(update(STRANGE).where(its).values(counted)).rowcount:
        connection.execute(insert(STRANGE).values(device=device, what=what, count=1, first=now, last=now))
