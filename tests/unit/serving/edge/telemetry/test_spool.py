"""The spool: bounded, the same batch until it is confirmed, and counts that never go."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.serving.edge.telemetry.spool import Spool, SpoolFailed, encoded_counts

AT = "2026-03-01T10:00:00Z"


def counts(spool: Spool, number: int, at: str = AT, subject: str = "vehicle-reid 3") -> None:
    spool.add("counts", subject, at, encoded_counts({"answered": number, "failed": 1}))


def test_a_batch_stays_the_same_until_it_is_confirmed_also_after_a_start(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = Spool(path)
    counts(spool, 5)
    first = spool.batch(10_000)
    counts(spool, 7)
    assert spool.batch(10_000) == first
    spool.close()
    spool = Spool(path)
    assert spool.batch(10_000) == first
    assert first is not None
    spool.confirm(first)
    second = spool.batch(10_000)
    assert second is not None
    assert [json.loads(one.body)["answered"] for one in second.records] == [7]
    assert {one.name for one in first.records}.isdisjoint(one.name for one in second.records)


def test_nothing_to_tell_is_no_batch(tmp_path: Path) -> None:
    assert Spool(tmp_path / "spool.db").batch(10_000) is None


def test_two_spools_name_their_records_apart(tmp_path: Path) -> None:
    names = set()
    for name in ("one", "other"):
        spool = Spool(tmp_path / name)
        counts(spool, 1)
        batch = spool.batch(1)
        assert batch is not None
        names |= {one.name for one in batch.records}
    assert len(names) == 2


def test_samples_go_first_then_sketches_and_counts_never(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = Spool(path, limit=100_000)
    for hour in range(24):
        counts(spool, 10, f"2026-03-01T{hour:02}:00:00Z")
        spool.add("sketch", "vehicle-reid 3", AT, bytes(1_000))
        spool.add("sample", "vehicle-reid 3", AT, os.urandom(20_000))
    kinds = dict(sqlite3.connect(path).execute("select kind, count(*) from records group by kind"))
    assert kinds["counts"] == 24
    assert kinds["sketch"] == 24
    assert 0 < kinds["sample"] < 5
    spool.add("sample", "vehicle-reid 3", AT, os.urandom(70_000))
    for _ in range(60):
        spool.add("sketch", "vehicle-reid 3", AT, bytes(2_000))
    kinds = dict(sqlite3.connect(path).execute("select kind, count(*) from records group by kind"))
    assert "sample" not in kinds
    assert kinds["sketch"] < 60
    assert spool.counted() == {"answered": 240, "failed": 24}
    assert path.stat().st_size < 250_000


def test_counts_of_a_day_are_added_up_when_they_alone_are_too_many(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", limit=2_000)
    counts(spool, 1_000)
    sent = spool.batch(10_000)
    for day in range(1, 4):
        for minute in range(60):
            counts(spool, 1, f"2026-03-{day:02}T10:{minute:02}:00Z")
    assert spool.counted() == {"answered": 1_180, "failed": 181}
    assert sent is not None
    assert spool.batch(10_000) == sent
    spool.confirm(sent)
    rest = spool.batch(1_000_000)
    assert rest is not None
    assert len(rest.records) < 20


def test_what_is_in_a_batch_goes_last(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", limit=20_000)
    for _ in range(3):
        spool.add("sample", "vehicle-reid/3/b", AT, os.urandom(2_000))
    counts(spool, 5)
    sent = spool.batch(10_000)
    assert sent is not None
    for _ in range(20):
        spool.add("sample", "vehicle-reid/3/b", AT, os.urandom(1_500))
        spool.add("sketch", "vehicle-reid 3", AT, bytes(1_500))
    assert spool.batch(10_000) == sent
    for day in range(1, 100):
        counts(spool, 1, AT, f"vehicle-reid {day}")
    left = spool.batch(10_000)
    assert left is not None
    assert left.number == sent.number
    assert set(left.records) < set(sent.records)
    assert spool.counted()["answered"] == 104
    spool.confirm(left)
    rest = spool.batch(1_000_000)
    assert rest is not None
    assert {one.name for one in sent.records}.isdisjoint(one.name for one in rest.records)


def test_samples_of_a_day_are_remembered_wherever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = Spool(path)
    assert spool.sampled("vehicle-reid", "2026-03-01") == 0
    for release in (3, 4):
        spool.add("sample", f"vehicle-reid/{release}/b", AT, b"jpeg")
    spool.add("sample", "bay-occupancy/1/b", AT, b"jpeg")
    batch = spool.batch(1_000_000)
    assert batch is not None
    spool.confirm(batch)
    spool.close()
    spool = Spool(path)
    assert spool.sampled("vehicle-reid", "2026-03-01") == 2
    spool.add("sample", "vehicle-reid/4/b", "1970-01-01T00:00:00Z", b"jpeg")
    assert spool.sampled("vehicle-reid", "2026-03-01") == 2
    for day in range(1, 29):
        spool.add("sample", "vehicle-reid/4/b", f"2026-04-{day:02}T10:00:00Z", b"jpeg")
    assert spool.sampled("vehicle-reid", "2026-03-01") == 0
    assert spool.sampled("vehicle-reid", "2026-04-28") == 1


def test_a_damaged_file_is_put_aside_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(os.urandom(10_000))
    spool = Spool(path)
    counts(spool, 3)
    assert spool.counted()["answered"] == 3
    assert (tmp_path / "spool.db.damaged").stat().st_size == 10_000
    assert "damaged" in caplog.text


def test_it_is_nobody_elses(tmp_path: Path) -> None:
    Spool(tmp_path / "deep" / "spool.db")
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "deep" / "spool.db").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_is_told_and_changes_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    counts(spool, 3)
    spool._database.execute("pragma query_only = on")
    with pytest.raises(SpoolFailed, match="cannot be written"):
        counts(spool, 4)
    spool._database.execute("pragma query_only = off")
    assert spool.counted() == {"answered": 3, "failed": 1}


WRITER = """
import sys
from pathlib import Path
from slipway.serving.edge.telemetry.spool import Spool, encoded_counts

spool = Spool(Path(sys.argv[1]))
for number in range(10_000):
    spool.add("counts", "m 1", "2026-03-01T10:00:00Z", encoded_counts({"answered": 1}))
    print(number + 1, flush=True)
"""


def test_what_add_returned_from_is_there_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(50)]
        os.kill(child.pid, signal.SIGKILL)
        told += [int(line) for line in child.stdout.read().split()]
    answered = Spool(path).counted()["answered"]
    assert answered - told[-1] in {0, 1}
