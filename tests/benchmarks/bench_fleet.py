"""The fleet service: reports beside rows written into SQLite, questions beside reading, pages beside an empty answer.

10,000 devices with a report a minute are 167 reports in a second. The store holds 30 days of hours and days of that
many devices; the rows are made by SQLite itself, which takes a minute and three gigabytes of disk.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_serving import Meter
from console_pages import pages
from fleet_load import BUCKETS, COUNTS, key_of
from harness import Figures, Pair
from rolling_out import MODEL, Site
from slipway.serving.channel.pointer import Wave
from slipway.serving.fleet.store import times
from slipway.serving.fleet.store.packing import pack
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.runtime.quantiles import Quantiles

HERE = Path(__file__).resolve().parent
DEVICES = 10_000
DAYS = 30
REPORTS = 1_000
"""Of one sample."""
NEEDED = DEVICES / 60
PAGE = 500
DATABASE = "sqlite:///.slipway/fleet.db"
OLD, NEW = 1, 2
"""Releases."""


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """The store is made once."""
    with ExitStack() as stack:
        site = _site(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipway-bench-"))) / "project")
        bundle, path = site.rollout.releases[NEW].bundle, site.root / ".slipway" / "fleet.db"
        now = datetime.now(UTC)
        with FleetStore(DATABASE, site.root):
            _fill(path, bundle, now)
        url = stack.enter_context(_served(site))
        store = stack.enter_context(FleetStore(DATABASE, site.root))
        raw = stack.enter_context(_raw(site.root / "raw.db"))
        plain = sqlite3.connect(path, check_same_thread=False)
        stack.callback(plain.close)
        ask = stack.enter_context(_devices(url, bundle))
        yield [_reports(ask, raw), *_questions(store, plain, now), *pages(stack, site, url)]


def _site(folder: Path) -> Site:
    """A project in which the newer release is on its way."""
    site = Site(folder).open()
    site.release("a")
    site.promote("b")
    site.start(wave=Wave(share=10.0))
    return site


def _reports(ask: Callable[[int], float], raw: sqlite3.Connection) -> Pair:
    meter = Meter()
    taken: list[float] = []

    def ours() -> None:
        taken.append(ask(REPORTS))
        meter.add(taken[-1])

    def reference() -> None:
        """Each row in a commit of its own, which waits for the disk as ours do."""
        body, begun = os.urandom(1_000), time.perf_counter()
        for number in range(REPORTS):
            raw.execute("insert into reports (device, body) values (?, ?)", (f"gate-{number:05d}", body))
        meter.add(time.perf_counter() - begun)

    def figures() -> Figures:
        rates = sorted(REPORTS / seconds for seconds in taken[1:])
        return {
            "reports_per_second": round(rates[len(rates) // 2]),
            "least_reports_per_second": round(rates[0]),
            "needed_per_second": round(NEEDED),
        }

    return Pair(
        name="fleet: a signed report through HTTP, against a row in SQLite with a commit of its own",
        ours=ours,
        reference=reference,
        unit="µs",
        goal=1e6 / NEEDED / 100,
        times=REPORTS,
        clock=meter,
        figures=figures,
    )


def _questions(store: FleetStore, plain: sqlite3.Connection, now: datetime) -> list[Pair]:
    """What the console asks."""
    since = now - timedelta(days=1)
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)

    def page() -> None:
        plain.execute("select * from devices join heard on device = id order by id limit ?", (PAGE,)).fetchall()
        plain.execute("select * from standings order by device limit ?", (PAGE,)).fetchall()

    def one_hour() -> None:
        begin = times.stamp(hour)
        plain.execute("select * from hours where subject = 2 and at = ?", (begin,)).fetchall()

    def day() -> None:
        begin, end = times.stamp(since), times.stamp(now)
        plain.execute("select * from hours where subject = 2 and at >= ? and at < ?", (begin, end)).fetchall()

    return [
        Pair(
            name=f"fleet: a page of {PAGE} of {DEVICES:,} devices, against the rows",
            ours=lambda: store.devices(limit=PAGE),
            reference=page,
            unit="ms",
            goal=20,
        ),
        Pair(
            name=f"fleet: the last day of {DEVICES:,} devices by release, against its hours read",
            ours=lambda: store.work(MODEL, since=since, until=now),
            reference=day,
            unit="ms",
            goal=10,
        ),
        Pair(
            name=f"fleet: an hour of {DEVICES:,} devices, as the controller asks, against its hours read",
            ours=lambda: store.work(MODEL, since=hour, until=hour + timedelta(hours=1)),
            reference=one_hour,
            unit="ms",
            goal=20,
        ),
    ]


def _fill(path: Path, bundle: str, now: datetime) -> None:
    """Devices, and what they did in 30 days: the old release, and the new one in the last 18 hours."""
    quantiles = Quantiles.from_json(BUCKETS)
    done = (COUNTS.decode(), pack(quantiles), pack(quantiles))
    end = times.stamp(now) // times.HOUR * times.HOUR
    begin, cut = (end // times.DAY - DAYS) * times.DAY, end - 18 * times.HOUR
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("pragma synchronous = off")
    database.execute("begin")
    database.executemany(
        f"insert into devices values (?, 'edge-cpu', ?, '[]', '[\"{MODEL}\"]', ?, '', ?, null)",  # noqa: S608 - our own
        (
            (f"gate-{n:05d}", f"site-{n % 40:02d}", key_of(n + 1).public_key().public_bytes_raw().hex(), begin)
            for n in range(DEVICES)
        ),
    )
    database.execute("insert into heard select id, 0, ?, 0, 0, '', '0.1.0', 0, '{}', 0 from devices", (end,))
    database.execute(
        "insert into standings select id, ?, 'settled', ?, ?, 'cpu', 'cpu', ?, null, null, '[]', 1, '' from devices",
        (MODEL, NEW, bundle, cut),
    )
    for low, high, release in ((begin, cut, OLD), (cut, None, NEW)):
        database.execute(
            'insert into spans (device, model, "begin", "end", release, bundle, variant) '
            "select id, ?, ?, ?, ?, ?, 'cpu' from devices",
            (MODEL, low, high, release, bundle),
        )
    for number, release in ((1, OLD), (2, NEW)):
        name = f"{MODEL}/{release}/{bundle}"
        database.execute("insert into subjects values (?, ?, ?, ?)", (number, name, MODEL, release))
    for table, span in (("hours", times.HOUR), ("days", times.DAY)):
        for subject, low, high in ((1, begin, cut), (2, cut, end)):
            database.execute(
                "with recursive spans(at) as (select :first union all select at + :span from spans where at + :span < "  # noqa: S608 - our own names
                f":high) insert into {table} select :subject, at, id, max(at, :low), "
                "min(at + :span, :high) - 300000, :counts, :latency, :running, '', '' from spans cross join devices",
                {
                    "first": low // span * span,
                    "span": span,
                    "low": low,
                    "high": high,
                    "subject": subject,
                    **dict(zip(("counts", "latency", "running"), done, strict=True)),
                },
            )
    database.execute("commit")
    database.close()


@contextmanager
def _served(site: Site) -> Iterator[str]:
    """`slipway fleet serve`."""
    command = [str(Path(sys.executable).with_name("slipway")), "fleet", "serve", "--port", "0"]
    own = {**_environ(site), "SLIPWAY_IDENTITY__PERSON": "rollouts"}
    with subprocess.Popen(command, cwd=site.root, env=own, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child.stdout.readline().split()[2].rstrip(",")
        finally:
            child.terminate()


def _environ(site: Site) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "XDG_"))}
    return {**kept, **site.environ}


@contextmanager
def _devices(url: str, bundle: str) -> Iterator[Callable[[int], float]]:
    """The devices' process; what it gives sends so many reports and says how long that took."""
    command = [sys.executable, str(HERE / "fleet_load.py"), url, str(DEVICES), MODEL, str(NEW), bundle]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        out, back = child.stdin, child.stdout

        def ask(count: int) -> float:
            out.write(f"{count}\n")
            out.flush()
            assert back.readline() == "ready\n"
            out.write("go\n")
            out.flush()
            return float(back.readline())

        yield ask
        out.close()


@contextmanager
def _raw(path: Path) -> Iterator[sqlite3.Connection]:
    """A plain table, as safe as the store."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = full")
    database.execute("create table reports (id integer primary key, device text, body blob)")
    try:
        yield database
    finally:
        database.close()
