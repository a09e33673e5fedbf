"""What is wrong is said, and what was there stays."""

import hashlib
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.rows import Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter


@pytest.fixture
def committed(scratch: Any) -> Any:
    """A snapshot of eight images, committed and pushed."""
    scratch.fill(range(8))
    scratch.fine("commit")
    scratch.fine("push")
    return scratch


def without_cache(scratch: Any) -> None:
    scratch.run("rm", "-r", ".slipway/cache", "data")


def object_of(scratch: Any, place: str, name: str) -> Path:
    [record] = (scratch.root / ".slipway/store/snapshots").glob("*.json")
    oid = next(oid for file, oid in json.loads(record.read_bytes())["md5"].items() if file.startswith(name))
    return Path(scratch.root / ".slipway" / place / "files/md5" / oid[:2] / oid[2:])


def test_a_sample_does_not_change_its_split(committed: Any) -> None:
    before = (committed.root / "data.dvc").read_text()
    committed.run("rm", "-r", "data")
    committed.fill(range(4, 12), split="test")
    done = committed.slipway("commit")
    assert done.returncode == 1
    assert "8 would change their split" in done.stderr  # four samples and four individuals
    assert "index.parquet row" in done.stderr
    assert "`train` -> `test`" in done.stderr
    assert (committed.root / "data.dvc").read_text() == before


def test_a_split_is_held_against_head_too(committed: Any) -> None:
    committed.commit_all()
    committed.run("rm", "-r", "data", "data.dvc")
    committed.fill(range(8), split="test")
    done = committed.slipway("commit")
    assert "would change their split" in done.stderr
    assert not (committed.root / "data.dvc").exists()


def test_an_individual_does_not_change_its_split_with_new_images(committed: Any) -> None:
    committed.run("rm", "-r", "data")
    committed.fill([1], split="test")
    changed = Snapshot(committed.data).identities.to_pylist()
    assert changed[0]["split"] == "test"
    assert "identity car-1: `train` -> `test`" in committed.slipway("commit").stderr


@pytest.mark.parametrize("damage", ["truncated", "missing", "foreign"])
def test_only_what_is_whole_is_committed(committed: Any, damage: str) -> None:
    before = (committed.root / "data.dvc").read_text()
    committed.add([20])
    shard = next(committed.data.glob("shards/*"))
    if damage == "truncated":
        shard.write_bytes(shard.read_bytes()[:-1])
    elif damage == "missing":
        shard.unlink()
    else:
        shard = committed.data / "notes.txt"
        shard.write_text("mine")
    done = committed.slipway("commit")
    assert done.returncode == 1
    assert str(shard) in done.stderr
    assert "Nothing was committed" in done.stderr
    assert (committed.root / "data.dvc").read_text() == before


def test_pull_does_not_replace_what_nobody_committed(committed: Any) -> None:
    mine = committed.add([20])
    done = committed.slipway("pull")
    assert done.returncode == 1
    assert "not committed" in done.stderr
    assert "--force" in done.stderr
    assert Snapshot(committed.data).digest == mine.digest
    committed.fine("pull", "--force")
    assert Snapshot(committed.data).digest != mine.digest


def test_pull_does_not_replace_an_edited_table_or_remove_a_foreign_file(committed: Any) -> None:
    (committed.data / "notes.txt").write_text("mine")
    with (committed.data / "boxes.parquet").open("ab") as file:
        file.write(b"mine")
    done = committed.slipway("pull")
    assert done.returncode == 1
    assert "boxes.parquet, notes.txt" in done.stderr
    assert (committed.data / "notes.txt").exists()


def test_pull_restores_a_damaged_shard_without_being_forced(committed: Any) -> None:
    shard = next(committed.data.glob("shards/*"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100])
    committed.fine("pull")
    assert shard.read_bytes() == whole


@pytest.mark.parametrize("damage", ["truncated", "replaced"])
def test_a_damaged_object_in_the_remote_is_never_taken(committed: Any, damage: str) -> None:
    damaged = object_of(committed, "remote", "shards/")
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-5] if damage == "truncated" else whole[:-5] + b"wrong")
    without_cache(committed)
    done = committed.slipway("pull")
    assert done.returncode == 1
    assert str(damaged) in done.stderr
    assert "shards/" in done.stderr
    assert "expected" in done.stderr
    assert not committed.data.exists()
    assert not object_of(committed, "cache", "shards/").exists()
    damaged.write_bytes(whole)
    committed.fine("pull")
    assert not list(Snapshot(committed.data).verify())


def test_a_truncated_object_in_the_remote_is_pushed_again(committed: Any) -> None:
    damaged = object_of(committed, "remote", "shards/")
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-5])
    assert "Pushed 1 objects" in committed.fine("push")
    assert damaged.read_bytes() == whole


@pytest.mark.parametrize("damage", ["truncated", "replaced"])
def test_a_damaged_object_in_the_cache_is_fetched_again(committed: Any, damage: str) -> None:
    damaged = object_of(committed, "cache", "shards/")
    whole = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(whole[:-5] if damage == "truncated" else whole[:-5] + b"wrong")
    committed.run("rm", "-r", "data")
    committed.fine("pull")
    assert not list(Snapshot(committed.data).verify())
    assert damaged.read_bytes() == whole


def test_a_damaged_object_in_the_cache_is_not_pushed(committed: Any) -> None:
    damaged = object_of(committed, "cache", "shards/")
    committed.run("rm", "-r", ".slipway/remote")
    damaged.chmod(0o644)
    damaged.write_bytes(b"wrong" + damaged.read_bytes()[5:])
    done = committed.slipway("push")
    assert done.returncode == 1
    assert "missing or damaged in the cache" in done.stderr
    assert not any(oid.endswith(".dir") for oid in committed.remote_objects)


def test_a_missing_remote_is_named(committed: Any) -> None:
    without_cache(committed)
    committed.run("rm", "-r", ".slipway/remote")
    done = committed.slipway("pull")
    assert done.returncode == 1
    assert f"{committed.root}/.slipway/remote does not exist" in done.stderr
    assert "SLIPWAY_DATA__REMOTE" in done.stderr


def test_an_object_that_the_remote_lacks_is_named(committed: Any) -> None:
    without_cache(committed)
    gone = object_of(committed, "remote", "shards/")
    gone.unlink()
    done = committed.slipway("pull")
    assert done.returncode == 1
    assert gone.parent.name + gone.name in done.stderr
    assert not committed.data.exists()


def test_an_unknown_digest_is_answered_with_the_nearest(committed: Any) -> None:
    digest = Snapshot(committed.data).digest
    wrong = digest[:6] + ("0" if digest[6] != "0" else "1")
    done = committed.slipway("pull", "--digest", wrong)
    assert done.returncode == 1
    assert f"There is no snapshot `{wrong}`" in done.stderr
    assert f"Did you mean `{digest[:12]}`?" in done.stderr


def test_a_beginning_of_two_digests_is_not_guessed(committed: Any) -> None:
    store = committed.root / ".slipway/store/snapshots"
    digests: dict[str, str] = {}
    number = 0
    while True:  # two of at most 17 digests begin with the same digit
        digest = committed.add([30 + number]).digest
        committed.fine("commit")
        twin = digests.setdefault(digest[0], digest)
        if twin != digest:
            break
        number += 1
    assert len(list(store.iterdir())) > 1
    done = committed.slipway("pull", "--digest", digest[0])
    assert done.returncode == 1
    assert twin[:12] in done.stderr
    assert digest[:12] in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("path: data", "path: dat", "`outs[0].path` should be data, found 'dat'"),
        ("nfiles: ", "nfiles: 9", "nfiles"),
        ("size: ", "size: 9", "size"),
        ("snapshot: ", "snapshot: g", "`meta.snapshot` should be a snapshot's digest"),
        ("outs:", "outs: [", "no YAML"),
    ],
)
def test_a_data_dvc_edited_by_hand_is_told_so(committed: Any, old: str, new: str, told: str) -> None:
    path = committed.root / "data.dvc"
    path.write_text(path.read_text().replace(old, new))
    committed.run("rm", "-r", "data")
    done = committed.slipway("pull")
    assert done.returncode == 1
    assert "data.dvc" in done.stderr
    assert told in done.stderr
    assert not committed.data.exists()


def test_a_revision_that_git_does_not_know_is_wrong_use(committed: Any) -> None:
    done = committed.slipway("pull", "--rev", "nowhere")
    assert done.returncode == 2
    assert "git knows no revision `nowhere`" in done.stderr


@pytest.mark.parametrize("room", ["cache", "data"])
def test_a_full_disk_leaves_the_earlier_snapshot(committed: Any, room: str) -> None:
    """A limit on the size of files is the nearest to a full disk that needs no rights."""
    earlier = Snapshot(committed.data).digest
    with SnapshotWriter(committed.data, base=Snapshot(committed.data)) as writer:
        big = b"\xff\xd8\xff" + hashlib.shake_256(b"big").digest(600_000)
        writer.add(big, Image(width=8, height=8, split="train", source="big.jpg"))
        later = writer.finish([], "CC0-1.0")
    committed.fine("commit")
    committed.fine("push")
    committed.fine("pull", "--digest", earlier)
    if room == "cache":
        committed.run("rm", "-r", ".slipway/cache")
    else:
        committed.fine("commit")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    command = [str(Path(sys.executable).parent / "slipway"), "data", "pull", "--digest", later.digest]
    done = subprocess.run(command, cwd=committed.root, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no room" in done.stderr
    assert Snapshot(committed.data).digest == earlier
    assert not list(Snapshot(committed.data).verify())
    assert not list((committed.root / ".slipway/cache/incoming").iterdir())
    assert not list(committed.root.glob(".data.new-*"))
    committed.fine("pull", "--digest", later.digest)
    assert not list(Snapshot(committed.data).verify())
