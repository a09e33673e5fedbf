"""What a device has to tell, on disk until somebody has it: a SQLite file with a bound.

When it is full, samples go first, the oldest before others, then sketches, then states but the latest of each subject.
Counts never go: those of a day are added up instead. A batch stays the same until it is confirmed; only where nothing
else is left to make room of, its samples, sketches and states go as well, and it is what remains of it. Each record has
a name that no other record of any device has, so whoever gets a batch twice, or a part of it, stores each record once.
A file that is damaged is put aside and told, never deleted.

How many samples of a day there were is remembered beside them, so it is known after a start, and when they are sent.
"""

import json
import logging
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

from slipway.serving.errors import SlipwayError

log = logging.getLogger(__name__)

Kind = Literal["counts", "sketch", "sample", "state"]

LIMIT: Final = 64 * 1024 * 1024
"""Bytes of all records; counts and the latest states stay even above it."""
OVERHEAD: Final = 128
"""Bytes that a record takes beside its body."""
DAY: Final = len("2026-01-01")
DAYS: Final = 8
"""Of which the samples are remembered: more than one, for clocks that jump to another day and back."""
SAMPLED: Final = "sampled {}"
PAGE: Final = 4096
SCHEMA: Final = """
create table if not exists about (name text primary key, value text not null) without rowid;
create table if not exists records (
    id integer primary key autoincrement,
    kind text not null,
    subject text not null,
    at text not null,
    body blob not null,
    batch integer
);
create index if not exists by_kind on records (kind, id);
"""


class SpoolFailed(SlipwayError):
    """Nothing could be written; what was to be written is still the caller's."""


@dataclass(frozen=True)
class Record:
    """One thing to tell."""

    name: str
    """Of this record alone."""
    kind: Kind
    subject: str
    """What it is about: a model and its release, as the writer says it."""
    at: str
    """Begin of the time that it covers, ISO 8601 in UTC."""
    body: bytes


@dataclass(frozen=True)
class Batch:
    """Records to send together."""

    number: int
    records: Sequence[Record]


class Spool:
    """Records of one device. Used by one process; its methods may be called from one thread at a time."""

    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        self._limit = limit
        self._database = _opened(path)
        self._generation = self._remembered("generation", secrets.token_hex(8))

    def add(self, kind: Kind, subject: str, at: str, body: bytes) -> None:
        """Keep a record, and make room for it where there is none."""
        with self._change() as database:
            database.execute(
                "insert into records (kind, subject, at, body) values (?, ?, ?, ?)", (kind, subject, at, body)
            )
            if kind == "sample":
                self._count_sample(database, subject.partition("/")[0], at[:DAY])
            self._shrink(database)

    def sampled(self, model: str, day: str) -> int:
        """Samples that were added for a model and a day, wherever they are now."""
        with self._change() as database:
            return _samples(database, model).get(day, 0)

    def batch(self, largest: int) -> Batch | None:
        """The oldest records that are together not larger, at least one; the same again until they are confirmed."""
        with self._change() as database:
            (number,) = database.execute("select max(batch) from records").fetchone()
            if number is None:
                number = int(self._remembered("batches", "0")) + 1
                self._remember(database, "batches", str(number))
                ids = list(_oldest(database, largest))
                database.executemany("update records set batch = ? where id = ?", [(number, one) for one in ids])
            rows = database.execute(
                "select id, kind, subject, at, body from records where batch = ? order by id", (number,)
            ).fetchall()
        return Batch(number, [Record(f"{self._generation}-{row[0]}", *row[1:]) for row in rows]) if rows else None

    def confirm(self, batch: Batch) -> None:
        """Somebody has this batch: forget it."""
        with self._change() as database:
            database.execute("delete from records where batch = ?", (batch.number,))

    def counted(self) -> dict[str, int]:
        """All counts that are not confirmed yet, added up."""
        return _added(body for (body,) in self._database.execute("select body from records where kind = 'counts'"))

    def size(self) -> int:
        """Bytes of all records."""
        with self._change() as database:
            return _size(database)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _shrink(self, database: sqlite3.Connection) -> None:
        """Samples, sketches, states, then counts of a day into one, then of the batch; what is left may be above it."""
        self._remove(database, batched=False)
        if _size(database) > self._limit:
            _fold_days(database)
        self._remove(database, batched=True)

    def _remove(self, database: sqlite3.Connection, *, batched: bool) -> None:
        for kind in ("sample", "sketch", "state"):
            while (over := _size(database) - self._limit) > 0:
                ids = _first_of(database, kind, over, batched=batched)
                if not ids:
                    break
                database.executemany("delete from records where id = ?", [(one,) for one in ids])

    def _count_sample(self, database: sqlite3.Connection, model: str, day: str) -> None:
        days = _samples(database, model)
        days[day] = days.pop(day, 0) + 1
        latest = dict(list(days.items())[-DAYS:])
        self._remember(database, SAMPLED.format(model), json.dumps(latest))

    def _remembered(self, name: str, otherwise: str) -> str:
        with self._change() as database:
            database.execute("insert or ignore into about values (?, ?)", (name, otherwise))
        ((value,),) = self._database.execute("select value from about where name = ?", (name,)).fetchall()
        return str(value)

    @staticmethod
    def _remember(database: sqlite3.Connection, name: str, value: str) -> None:
        database.execute("insert or replace into about values (?, ?)", (name, value))

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing."""
        try:
            with self._database:
                yield self._database
        except sqlite3.Error as error:
            raise SpoolFailed(f"The spool of telemetry cannot be written: {error}.") from None


def _opened(path: Path) -> sqlite3.Connection:
    """The file's connection; one that is no database any more is put aside."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _connected(path)
    except OSError as error:
        raise SpoolFailed(f"{path} cannot be opened: {error.strerror}.") from None
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise SpoolFailed(f"{path} cannot be opened: {error}.") from None
        aside = path.with_name(f"{path.name}.damaged")
        path.replace(aside)
        for name in ("-wal", "-shm"):
            path.with_name(path.name + name).unlink(missing_ok=True)
        log.warning("%s is damaged (%s); it is now %s, and a new one begins.", path, error, aside.name)
        return _connected(path)


def waiting_in(path: Path) -> int | None:
    """Bytes of all records in a spool, whoever writes it; None where nobody can say."""
    if not path.exists():
        return 0
    alone = not path.with_name(f"{path.name}-wal").exists()  # nobody has it open, and nothing is left beside it
    how = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if alone else ''}"
    try:
        with closing(sqlite3.connect(how, uri=True, timeout=1)) as database:
            return _size(database)
    except sqlite3.Error as error:
        log.debug("%s cannot be read: %s", path, error)
        return None


def _connected(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, check_same_thread=False)
    try:
        database.execute("pragma auto_vacuum = full")
        database.execute("pragma journal_mode = wal")
        database.execute(f"pragma journal_size_limit = {64 * PAGE}")
        with closing(database.execute("pragma quick_check")) as found:
            if (told := found.fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(str(told))
        with database:
            database.executescript(SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _size(database: sqlite3.Connection) -> int:
    count, total = database.execute("select count(*), coalesce(sum(length(body)), 0) from records").fetchone()
    return int(total) + OVERHEAD * int(count)


def _samples(database: sqlite3.Connection, model: str) -> dict[str, int]:
    """By day, the one that was counted last at the end."""
    found = database.execute("select value from about where name = ?", (SAMPLED.format(model),)).fetchone()
    days: dict[str, int] = json.loads(found[0]) if found else {}
    return days


def _first_of(database: sqlite3.Connection, kind: str, least: int, *, batched: bool) -> list[int]:
    """The oldest records of a kind that take so many bytes, in a batch or in none."""
    found: list[int] = []
    for one, size in database.execute(
        "select id, length(body) from records where kind = ? and (batch is not null) = ? and id not in "
        "(select max(id) from records where kind = 'state' group by subject) order by id",
        (kind, batched),
    ):
        if least <= 0:
            break
        found.append(one)
        least -= size + OVERHEAD
    return found


def _oldest(database: sqlite3.Connection, largest: int) -> Iterator[int]:
    total = 0
    for one, size in database.execute("select id, length(body) from records order by id"):
        total += size + OVERHEAD
        if total > largest and total != size + OVERHEAD:
            return
        yield one


def _fold_days(database: sqlite3.Connection) -> None:
    """One record of counts for each subject and day; those that were sent and not confirmed stay as they are."""
    days: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
    for one, subject, at, body in database.execute(
        "select id, subject, at, body from records where kind = 'counts' and batch is null order by id"
    ):
        days.setdefault((subject, at[:DAY]), []).append((one, body))
    for (subject, day), rows in days.items():
        if len(rows) > 1:
            body = encoded_counts(_added(body for _, body in rows))
            database.executemany("delete from records where id = ?", [(one,) for one, _ in rows])
            database.execute(
                "insert into records (kind, subject, at, body) values ('counts', ?, ?, ?)", (subject, day, body)
            )


def encoded_counts(counts: Mapping[str, int]) -> bytes:
    """The body of a record of counts."""
    return json.dumps(counts, sort_keys=True, separators=(",", ":")).encode()


def _added(bodies: Iterator[bytes]) -> dict[str, int]:
    found: dict[str, int] = {}
    for body in bodies:
        told: dict[str, Any] = json.loads(body)
        for name, count in told.items():
            found[name] = found.get(name, 0) + int(count)
    return found
