"""Fetching by digest, without a git repository, from a directory and from S3."""

import json
import signal
import stat
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from slipway.platform.data.errors import DataError, RemoteFailed, SnapshotDamaged, SnapshotMissing
from slipway.platform.data.fetch import fetch
from slipway.platform.data.objects import Cache
from slipway.platform.data.record import load_record
from slipway.platform.data.remote import ObjectGone, Remote, open_remote
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.view import View
from slipway.platform.errors import WrongUse
from slipway.platform.store import open_store

Start = Callable[[str], Popen[str]]


def line(child: Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def go(child: Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def result(child: Popen[str]) -> dict[str, Any]:
    out, err = child.communicate(timeout=100)
    assert child.returncode == 0, err
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The objects that are asked of the remote from here on."""
    asked: list[str] = []
    plain = Remote.get

    def get(self: Remote, oid: str, *more: Any) -> None:
        asked.append(oid)
        plain(self, oid, *more)

    monkeypatch.setattr(Remote, "get", get)
    return asked


def test_a_snapshot_is_fetched_whole_and_read_only(place: Any) -> None:
    digest = place.publish(range(20))
    folder = fetch(digest, place.job())
    assert Snapshot(folder).digest == digest
    assert not list(Snapshot(folder).verify())
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o444}
    assert not list((place.folder / "cache/incoming").iterdir())
    assert not list((place.folder / "cache/locks").iterdir())


def test_a_second_fetch_asks_the_remote_for_nothing(directory_place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place = directory_place
    digest = place.publish(range(8))
    fetch(digest, place.job())
    asked = counted(monkeypatch)
    assert Snapshot(fetch(digest[:10], place.job())).digest == digest
    assert asked == []


def test_a_new_day_is_fetched_alone(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Snapshot(fetch(place.publish(range(20)), place.job()))
    digest = place.publish(range(20, 24))
    asked = counted(monkeypatch)
    after = Snapshot(fetch(digest, place.job()))
    changed = [name for name, entry in after.manifest.files.items() if before.manifest.files.get(name) != entry]
    assert len(asked) == len(changed) + 1  # and the manifest


def test_a_view_brings_its_shards_and_a_wider_one_adds_to_them(place: Any) -> None:
    digest = place.publish(range(40))
    folder = fetch(digest, place.job(), view=View.of({"camera": ["cam-0"]}))
    snapshot = Snapshot(folder)
    assert len(snapshot.manifest.files) > 8
    chosen = View.of({"camera": ["cam-0"]}).select(snapshot.index).to_pylist()
    assert len(chosen) == 10
    for row in chosen:
        assert bytes(snapshot.image(row["shard"], row["offset"], row["length"])).startswith(b"\xff\xd8\xff")
    few = set(folder.glob("shards/*"))
    assert {path.stem for path in few} == {row["shard"] for row in chosen}
    fetch(digest, place.job(), view=View.of({"camera": ["cam-0", "cam-2"]}))
    more = set(folder.glob("shards/*"))
    assert few < more
    fetch(digest, place.job())
    assert more < set(folder.glob("shards/*"))
    assert not list(Snapshot(folder).verify())


def test_an_object_that_was_replaced_in_the_remote_is_not_taken(place: Any, tmp_path: Path) -> None:
    digest = place.publish(range(20))
    record = load_record(open_store(place.settings.store, place.settings.s3), digest)
    assert record is not None
    name = next(name for name in sorted(record.md5) if name.startswith("shards/"))
    whole = Cache(place.settings.data.cache).object(record.md5[name]).read_bytes()
    remote = open_remote(place.settings.data, place.settings.s3)
    for wrong, told in ((whole[:-9], "truncated"), (whole[:-9] + b"different", "sha256")):
        (tmp_path / "wrong").write_bytes(wrong)
        remote.put(record.md5[name], tmp_path / "wrong")
        with pytest.raises(SnapshotDamaged, match=told) as caught:
            fetch(digest, place.job())
        assert remote.address(record.md5[name]) in str(caught.value)
        assert not (place.folder / "cache/snapshots" / digest / name).exists()
        assert not list((place.folder / "cache/incoming").iterdir())
    (tmp_path / "wrong").write_bytes(whole)
    remote.put(record.md5[name], tmp_path / "wrong")
    assert not list(Snapshot(fetch(digest, place.job())).verify())


def test_a_missing_object_and_a_missing_remote_are_told_apart(place: Any) -> None:
    digest = place.publish(range(8))
    record = load_record(open_store(place.settings.store, place.settings.s3), digest)
    assert record is not None
    remote = open_remote(place.settings.data, place.settings.s3)
    remote.delete(record.md5["boxes.parquet"])
    with pytest.raises(ObjectGone, match=record.md5["boxes.parquet"]):
        fetch(digest, place.job())
    job = place.job("elsewhere")
    for nowhere in ("s3://no-such-bucket/remote", str(place.folder / "nowhere")):
        if nowhere.startswith("s3://") == remote.is_bucket:
            data = job.data.model_copy(update={"remote": nowhere})
            with pytest.raises(RemoteFailed, match=f"{nowhere} does not exist"):
                fetch(digest, job.model_copy(update={"data": data}))


def test_a_server_that_is_not_there_is_named(s3_endpoint: str, directory_place: Any) -> None:
    digest = directory_place.publish(range(2))
    job = directory_place.job()
    s3 = job.s3.model_copy(update={"endpoint": "http://127.0.0.1:9", "access_key_id": "a", "region": "us-east-1"})
    data = job.data.model_copy(update={"remote": "s3://data/remote"})
    with pytest.raises(RemoteFailed, match="s3://data/remote"):
        fetch(digest, job.model_copy(update={"data": data, "s3": s3}))
    assert s3_endpoint


def test_an_unknown_digest_is_answered_with_the_nearest(directory_place: Any) -> None:
    place = directory_place
    digest = place.publish(range(2))
    wrong = digest[:5] + ("0" if digest[5] != "0" else "1") + digest[6:]
    with pytest.raises(SnapshotMissing, match="There is no snapshot") as caught:
        fetch(wrong, place.job())
    assert digest in str(caught.value.mend)


def test_a_view_of_nothing_is_an_error_that_names_what_there_is(directory_place: Any) -> None:
    digest = directory_place.publish(range(20))
    with pytest.raises(DataError, match="`camera` is never cam-9") as caught:
        fetch(digest, directory_place.job(), view=View.of({"camera": "cam-9"}))
    assert "cam-" in str(caught.value.mend)
    with pytest.raises(WrongUse, match="no column `camara`") as misspelt:
        fetch(digest, directory_place.job(), view=View.of({"camara": "cam-0"}))
    assert misspelt.value.mend == "Did you mean `camera`?"


def test_many_processes_with_the_same_and_other_snapshots_end_right(place: Any, fetcher: Start) -> None:
    """Eight of them, and four where each must first read the S3 service's description."""
    first = place.publish(range(20))
    second = place.publish(range(20, 40))
    digests = [first, second] * (2 if place.settings.data.remote.startswith("s3://") else 4)
    children = [fetcher(place.arguments(digest, hold=True)) for digest in digests]
    for child in children:
        assert line(child) == "ready"
        go(child)
    assert {line(child) for child in children} == {"getting", "waiting"}
    for child in children:  # all of them want something by now
        go(child)
    results = [result(child) for child in children]
    for digest, found in zip(digests, results, strict=True):
        assert Snapshot(Path(found["folder"])).digest == digest
    for digest in (first, second):
        assert not list(Snapshot(place.folder / "cache/snapshots" / digest).verify())
    got = Counter(oid for found in results for oid in found["got"])
    assert set(got.values()) == {1}
    assert len(got) == len(list((place.folder / "cache/files/md5").glob("*/*")))


def interrupted(child: Popen[str]) -> int:
    """How a child ends by Ctrl-C."""
    child.send_signal(signal.SIGINT)
    return child.wait(60)


def test_who_waits_says_for_whom_and_goes_on_when_that_one_is_killed(directory_place: Any, fetcher: Start) -> None:
    place = directory_place
    digest = place.publish(range(20))
    stuck = fetcher(place.arguments(digest, stop_after=0))
    assert line(stuck) == "ready"
    go(stuck)
    assert line(stuck) == "stopped"
    impatient, waiter = (fetcher(place.arguments(digest)) for _ in range(2))
    for child in (impatient, waiter):
        assert line(child) == "ready"
        go(child)
        assert line(child) == "waiting"
    assert interrupted(impatient) != 0
    assert waiter.poll() is None
    stuck.kill()
    found = result(waiter)
    assert f"process {stuck.pid}" in found["notes"][0]
    assert len(found["notes"]) == 1
    assert not list(Snapshot(Path(found["folder"])).verify())


def test_after_a_kill_only_what_was_not_complete_is_fetched(place: Any, fetcher: Start) -> None:
    digest = place.publish(range(40))
    first = fetcher(place.arguments(digest, stop_after=4))
    assert line(first) == "ready"
    go(first)
    assert line(first) == "stopped"
    first.kill()
    first.wait()
    cache = place.folder / "cache"
    complete = {path.parent.name + path.name for path in (cache / "files/md5").glob("*/*")}
    assert list((cache / "incoming").iterdir())
    again = fetcher(place.arguments(digest))
    go(again)
    found = result(again)
    assert not complete & set(found["got"])
    assert not list(Snapshot(Path(found["folder"])).verify())
    assert len(complete) + len(found["got"]) == len(Snapshot(Path(found["folder"])).manifest.files) + 1
    assert not list((cache / "incoming").iterdir())


def test_a_remote_lists_what_it_has_with_size_and_age(place: Any, tmp_path: Path) -> None:
    remote = open_remote(place.settings.data, place.settings.s3)
    assert list(remote.objects()) == []
    sizes = {"ab" + "0" * 30: 3, "cd" + "0" * 30 + ".dir": 5}
    for oid, size in sizes.items():
        (tmp_path / "object").write_bytes(b"x" * size)
        remote.put(oid, tmp_path / "object")
    found = list(remote.objects())
    assert {oid: size for oid, size, _ in found} == sizes
    assert all(abs(age) < timedelta(hours=1) for _, _, age in found)
    remote.delete("ab" + "0" * 30)
    assert [oid for oid, _, _ in remote.objects()] == ["cd" + "0" * 30 + ".dir"]
    assert remote.size("ab" + "0" * 30) is None
