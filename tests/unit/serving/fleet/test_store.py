"""The store on SQLite and PostgreSQL: what is put in is found again, at every level of time, and nothing gets lost."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from fleet_service.device import counts, record, standing
from slipway.platform.errors import SlipwayError, WrongUse
from slipway.platform.settings import schema
from slipway.serving.edge.decisions import make_id
from slipway.serving.edge.fleet.wire import Enrolling, Report
from slipway.serving.fleet.facts import Work
from slipway.serving.fleet.reader import FleetReader
from slipway.serving.fleet.store import opening, times
from slipway.serving.fleet.store.enrolling import By, Token
from slipway.serving.fleet.store.names import MOST, Ranges
from slipway.serving.fleet.store.outcomes import Told, wilson
from slipway.serving.fleet.store.reading import State, Wanted
from slipway.serving.fleet.store.refusals import Conflicting
from slipway.serving.fleet.store.reporting import Heard
from slipway.serving.fleet.store.store import FleetStore
from slipway.serving.fleet.store.tables import METADATA
from slipway.serving.runtime.quantiles import Quantiles

if TYPE_CHECKING:
    from slipway.serving.fleet.facts import Fleet

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
BUNDLE = f"{3:064x}"
SUBJECT = f"parcel/3/{BUNDLE}"
KEY = "ab" * 32
ADA = By("ada", b"signed")


class Clock:
    """The service's clock, which a test moves."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


class World:
    """A store with a clock, and devices that report to it without HTTP."""

    def __init__(self, store: FleetStore, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.sequences: dict[str, int] = {}
        self.records = 0

    def enrol(self, name: str, site: str = "harbour") -> None:
        digest = f"{len(self.sequences):064x}"
        token = f"sw1-{digest}-{'0' * 32}"
        from slipway.serving.bundle.canonical import sha256

        made = Token(sha256(token.encode()), self.clock.now + timedelta(days=1), ("parcel",), site=site)
        self.store.make_tokens(b"root", [made], ADA)
        asked = Enrolling(token=token, id=name, device_class="edge-cpu", public_key=KEY, agent="0.1.0")
        self.store.enrol(asked, 1, b"signed").result()
        self.sequences[name] = 1

    def report(self, name: str, *records: dict[str, object], **more: object) -> int:
        self.sequences[name] += 1
        at = self.clock.now.isoformat()
        told = {"at": at, "time": at, "agent": "0.1.0", "records": records, **more}
        report = Report.model_validate_json(json.dumps(told))
        return self.store.take(Heard(name, KEY, self.sequences[name], report)).result()

    def work(self, name: str, at: datetime, **told: int) -> None:
        """Tell of a window."""
        self.records += 1
        self.report(name, counts(f"{1:016x}-{self.records}", SUBJECT, at, **told))


@pytest.fixture
def world(database: str, tmp_path: Path) -> Iterator[World]:
    clock = Clock()
    with FleetStore(database, tmp_path, now=clock) as store:
        yield World(store, clock)


def _sum(found: Sequence[Work], name: str = "answered") -> int:
    return sum(one.counts.get(name, 0) for one in found)


def _told(found: Sequence[Work]) -> list[object]:
    return [(one.device, one.release, one.begin, one.end, one.counts, one.latency.to_json()) for one in found]


def test_it_is_what_others_read(world: World) -> None:
    store: Fleet = world.store
    assert list(store.devices()) == []


def test_work_is_exact_in_any_span_and_forgetting_changes_no_sum(world: World) -> None:
    drawn, told = random.Random(8), []
    for name in ("gate-1", "gate-2"):
        world.enrol(name)
    for _ in range(60):
        at = BEGIN + timedelta(minutes=5 * drawn.randrange(4 * 288))
        name, count = drawn.choice(("gate-1", "gate-2")), drawn.randrange(1, 100)
        world.clock.now = BEGIN + timedelta(days=4)
        world.work(name, at, answered=count)
        told.append((name, at, count))
    for _ in range(40):
        since, until = sorted(BEGIN + timedelta(minutes=drawn.randrange(4 * 1440)) for _ in range(2))
        expected = sum(count for _, at, count in told if since <= at < until)
        assert _sum(world.store.work("parcel", since=since, until=until)) == expected

    def whole() -> Sequence[Work]:
        return world.store.work("parcel", since=BEGIN, until=BEGIN + timedelta(days=4))

    before = _told(whole())
    world.clock.now = BEGIN + timedelta(days=40)
    went = world.store.forget(schema.Retention(windows_days=37, hours_days=38))
    assert went.windows > 0
    assert _told(whole()) == before
    assert world.store.forget(schema.Retention(windows_days=30, hours_days=36)).hours > 0
    assert _sum(whole()) == sum(count for *_, count in told)
    world.work("gate-1", BEGIN + timedelta(days=1), answered=1000)
    assert _sum(whole()) == sum(count for *_, count in told) + 1000


def test_work_is_all_that_was_told_of_the_span_whichever_rows_it_comes_from(world: World) -> None:
    drawn, told, names = random.Random(5), [], ("gate-1", "gate-2")
    for name in names:
        world.enrol(name)
    world.clock.now = BEGIN + timedelta(days=3)
    for number in range(1, 61):
        name, at = drawn.choice(names), BEGIN + timedelta(minutes=5 * drawn.randrange(3 * 288))
        count, bucket, seen = drawn.randrange(1, 9), drawn.randrange(60, 63), drawn.choice((1, 3))
        told_ms = {"total": count / 2, "counts": {str(bucket): count}}
        sketch = {"latency_ms": told_ms, "distributions": {"score": [seen]}, "divergence": {"score": 0.25}}
        body = json.dumps(sketch).encode()
        pair = (f"{2:016x}-{2 * number}", f"{2:016x}-{2 * number + 1}")
        world.report(name, counts(pair[0], SUBJECT, at, answered=count), record(pair[1], "sketch", SUBJECT, at, body))
        told.append((name, at, count, bucket))
    whole = [(BEGIN, BEGIN + timedelta(days=3)), (BEGIN + timedelta(hours=5), BEGIN + timedelta(hours=29))]
    cut = [sorted(BEGIN + timedelta(minutes=drawn.randrange(3 * 1440)) for _ in range(2)) for _ in range(20)]
    for since, until in (*whole, *cut):
        expected: dict[str, tuple[int, Quantiles]] = {}
        for name, at, count, bucket in told:
            if since <= at < until:
                before, latency = expected.get(name, (0, Quantiles()))
                latency.counts[bucket] += count
                latency.total += count / 2
                expected[name] = before + count, latency
        found = world.store.work("parcel", since=since, until=until)
        assert [
            (one.device, one.counts, one.latency.to_json(), one.running.count, one.divergence) for one in found
        ] == [
            (name, {"answered": count}, latency.to_json(), 0, {"score": 0.25})
            for name, (count, latency) in sorted(expected.items())
        ]


def test_distributions_and_divergence_add_up(world: World) -> None:
    world.enrol("gate-1")
    for number, (parts, apart) in enumerate((([8, 2], 0.1), ([0, 30], 0.5)), start=1):
        sketch = {"distributions": {"outputs.score.mean": parts}, "divergence": {"outputs.score.mean": apart}}
        world.report("gate-1", record(f"{1:016x}-{number}", "sketch", SUBJECT, BEGIN, json.dumps(sketch).encode()))
    until = BEGIN + timedelta(hours=1)
    (work,) = world.store.work("parcel", since=BEGIN, until=until)
    assert work.divergence == pytest.approx({"outputs.score.mean": (10 * 0.1 + 30 * 0.5) / 40})
    found = world.store.together("parcel", {"gate-1": "all"}, since=BEGIN, until=until)
    assert found["all", 3].seen == {"outputs.score.mean": [8, 32]}


def test_samples_and_outcomes_of_a_release(world: World) -> None:
    world.enrol("gate-1")
    serves = [standing("parcel", 3)]
    world.report("gate-1", standings=serves)
    at = BEGIN + timedelta(seconds=5)
    names = [make_id("gate-1", BUNDLE, at + timedelta(seconds=n), "abcdef") for n in range(4)]
    body = (
        json.dumps({"decision": names[0], "why": "novel", "confidence": 0.4, "novelty": 2.0}).encode() + b"\n" + b"jpeg"
    )
    assert world.report("gate-1", record(f"{1:016x}-1", "sample", SUBJECT, at, body), standings=serves) == 1
    assert world.store.picture(names[0]) == b"jpeg"
    told = [Told(name, right, "parcel", "labels") for name, right in zip(names[1:], (True, True, False), strict=True)]
    assert world.store.tell(told, "ada") == 3
    assert world.store.tell(told, "ada") == 0
    assert world.store.decisions("parcel", 3) == sorted(names)
    (known,) = world.store.precision("parcel", since=BEGIN, until=BEGIN + timedelta(days=1))
    assert (known.release, known.site, known.right, known.known) == (3, "harbour", 2, 3)
    assert known.interval == wilson(2, 3)
    found = world.store.outcomes("parcel", since=BEGIN, until=BEGIN + timedelta(days=1))
    assert [(one.decision, one.right, one.release) for one in found] == [
        (name, right, 3) for name, right in zip(names[1:], (True, True, False), strict=True)
    ]
    fresh = Told(names[0], right=True, truth="parcel", source="labels")
    with pytest.raises(Conflicting):
        world.store.tell([fresh, Told(names[1], right=False, truth="letter", source="labels")], "ada")
    assert len(world.store.outcomes("parcel", since=BEGIN, until=BEGIN + timedelta(days=1))) == 3


def test_what_a_device_said_of_a_sample_is_kept_and_nonsense_beside_it_is_not(world: World) -> None:
    world.enrol("gate-1")
    at = BEGIN + timedelta(seconds=5)
    names = [make_id("gate-1", BUNDLE, at + timedelta(seconds=n), "abcdef") for n in range(3)]
    box = [1.0, 2.0, 30.0, 40.0, "parcel", 0.7]
    said: list[dict[str, Any]] = [
        {"stream": "belt", "boxes": [box]},
        {"stream": "belt", "answer": "letter", "score": 0.4, "site": {"name": "x"}},
        {"stream": "\u202e", "answer": 7, "boxes": [box, ["a"]]},
    ]
    for number, (name, more) in enumerate(zip(names, said, strict=True)):
        body = json.dumps({"decision": name, "why": "novel", "confidence": 0.4, "novelty": 2.0, **more}).encode()
        world.report("gate-1", record(f"{1:016x}-{number + 1}", "sample", SUBJECT, at, body + b"\njpeg"))
    reader = FleetReader(world.store._reads)
    found = reader.samples("parcel", since=BEGIN)
    assert [one.told for one in found] == [
        {"stream": "belt", "boxes": [box]},
        {"stream": "belt", "answer": "letter", "score": 0.4},
        {},
    ]
    assert [(one.site, one.release, one.why, one.size) for one in found] == [("harbour", 3, "novel", 4)] * 3
    assert [one.decision for one in reader.samples(decisions=[names[1], "nobody"])] == [names[1]]
    assert reader.samples("letters") == []
    assert (reader.picture(names[0]), reader.picture("nobody")) == (b"jpeg", None)


def test_pages_and_filters(world: World) -> None:
    for number in range(7):
        world.enrol(f"gate-{number}", site="harbour" if number % 2 else "inland")
        world.report(f"gate-{number}", standings=[standing("parcel", 3 + number % 2)])
    first = world.store.devices(limit=3)
    rest = world.store.devices(after=first[-1].id)
    assert [one.id for one in (*first, *rest)] == [f"gate-{number}" for number in range(7)]
    assert all(one.running["parcel"].release for one in first)
    assert [one.id for one in world.store.devices(site="harbour", release=4)] == ["gate-1", "gate-3", "gate-5"]
    assert [one.id for one in world.store.devices(search="e-6")] == ["gate-6"]
    assert world.store.devices(search="%") == []


def test_devices_are_found_by_their_state_and_counted_by_site(world: World) -> None:
    told: dict[str, dict[str, Any]] = {
        "well": {},
        "changing": {"coming": 4},
        "failed": {"bad": [4]},
        "silent": {},
        "mixed": {"coming": 5, "bad": [4]},
    }
    for number, (name, more) in enumerate(told.items()):
        world.enrol(f"gate-{name}", site="harbour" if number % 2 else "station")
        world.clock.now = BEGIN if name == "silent" else BEGIN + timedelta(hours=1)
        world.report(f"gate-{name}", standings=[standing("parcel", 3, **more)])
    world.store.revoke("gate-well", "gone", ADA)
    world.enrol("gate-new", site="station")
    since = times.stamp(BEGIN + timedelta(minutes=30))

    def found(state: State | None = None, **more: Any) -> set[str]:
        wanted = Wanted(state=state, silent_since=since, **more)
        names = {one.id.removeprefix("gate-") for one in world.store.wanted(wanted)}
        assert sum(one.all for one in world.store.crowds(wanted)) == len(names)
        return names

    assert found(State.CHANGING) == {"changing", "mixed"}
    assert found(State.FAILED) == {"failed", "mixed"}
    assert found(State.SILENT) == {"silent", "new"}
    assert found(State.REVOKED) == {"well"}
    assert found(State.WELL) == set()
    assert found(device_class="edge-cpu") == {"changing", "failed", "silent", "mixed", "new"}
    assert found(device_class="edge-gpu") == set()
    assert found(State.CHANGING, site="station", model="parcel") == {"mixed"}
    assert found(State.CHANGING, model="letter") == set()
    crowds = {one.site: one for one in world.store.crowds(Wanted(silent_since=since, after="gate-z", limit=1))}
    station, harbour = crowds["station"], crowds["harbour"]
    assert (station.all, station.changing, station.failed, station.silent) == (3, 1, 2, 1)
    assert (harbour.all, harbour.changing, harbour.failed, harbour.silent) == (2, 1, 0, 1)
    assert world.store.classes() == ["edge-cpu"]


def test_the_hours_of_a_device_are_what_it_told_in_them(world: World) -> None:
    told = [0, 0, 0, 0, 0]
    for name in ("gate-1", "gate-2"):
        world.enrol(name)
    for minutes in range(0, 300, 25):
        world.clock.now = at = BEGIN + timedelta(minutes=minutes)
        told[minutes // 60] += minutes + 1
        world.work("gate-1", at, answered=minutes + 1)
        world.work("gate-2", at, answered=1_000)
    since, until = BEGIN + timedelta(hours=1), BEGIN + timedelta(hours=4)
    hours = world.store.hours("gate-1", ["parcel", "letter"], since=since, until=until)
    assert [(one.device, one.begin, one.release, one.counts) for one in hours] == [
        ("gate-1", BEGIN + timedelta(hours=hour), 3, {"answered": told[hour]}) for hour in (1, 2, 3)
    ]
    assert world.store.hours("gate-1", ["letter"], since=since, until=until) == []


def test_models_and_migrations_agree(database: str, tmp_path: Path) -> None:
    with FleetStore(database, tmp_path) as store:
        engine = opening.open_engine(store.url, writes=False)
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        engine.dispose()


def test_an_older_database_is_upgraded_and_a_newer_one_refused(database: str, tmp_path: Path) -> None:
    url = opening.address(database, tmp_path)
    engine = opening.open_engine(url, writes=True)
    config = opening.configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(sqlalchemy.text("insert into about values ('kept', 'yes')"))
    reading = opening.open_engine(url, writes=False)
    with pytest.raises(SlipwayError, match="older Slipway"):
        FleetReader(reading).precision("parcel", since=BEGIN, until=BEGIN)
    reading.dispose()
    with FleetStore(database, tmp_path) as store:
        assert store.before == "0001"
        assert store.decisions("parcel", 1) == []
    with engine.begin() as connection:
        assert connection.scalar(sqlalchemy.text("select value from about where name = 'kept'")) == "yes"
        connection.execute(sqlalchemy.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(SlipwayError, match="newer Slipway") as refused:
        FleetStore(database, tmp_path)
    assert refused.value.exit_code == 1
    with engine.begin() as connection:
        assert connection.scalar(sqlalchemy.text("select version_num from alembic_version")) == "9999"
    engine.dispose()


def test_no_database_is_told(tmp_path: Path) -> None:
    for wrong, why in (("sqlite://", "names no file"), ("mysql://x", "expected sqlite"), ("fleet.db", "no address")):
        with pytest.raises(WrongUse, match=why):
            FleetStore(wrong, tmp_path)
    (tmp_path / "no.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SlipwayError, match="cannot be used"):
        FleetStore("sqlite:///no.db", tmp_path)


def test_names_are_kept_in_ranges() -> None:
    drawn, ranges, known = random.Random(3), Ranges(), set()
    for number in drawn.choices(range(1, 200), k=1_000):
        ranges = Ranges(ranges.to_text())
        assert ranges.add(number) is (number not in known)
        known.add(number)


def test_only_so_many_gaps_are_remembered() -> None:
    ranges = Ranges()
    assert all(ranges.add(2 * number) for number in range(1, 1_000))
    assert len(json.loads(ranges.to_text())) == MOST
    assert not ranges.add(3)
    assert ranges.add(2 * 998 + 1)
