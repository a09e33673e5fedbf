"""Small promises of records, digests, views and pointers."""

from typing import Any

import pytest

from slipway.platform.data.errors import SnapshotDamaged, SnapshotMissing
from slipway.platform.data.manifest import NAME, FileEntry, Manifest
from slipway.platform.data.pointer import Pointer, parse_pointer
from slipway.platform.data.record import load_record, make_record, resolve, save_record
from slipway.platform.data.view import View
from slipway.platform.errors import WrongUse

MD5 = "0" * 32


def manifest(name: str = "index.parquet") -> Manifest:
    return Manifest(counts={"images": 0}, files={name: FileEntry(sha256="0" * 64, size=1)})


def test_views_that_ask_for_the_same_are_equal() -> None:
    one = View.of({"split": ["train", "test", "train"], "camera": "a"})
    other = View.of({"camera": ["a"], "split": ("test", "train")})
    assert one == other
    assert hash(one) == hash(other)
    assert one.key == other.key
    assert one.key != View.of({"split": ["train", "test"]}).key


def test_a_view_of_a_table_that_does_not_exist_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="no table `box`"):
        View.of({}, ["box"])
    assert View.of({}, ["boxes"]).files == ["index.parquet", "boxes.parquet"]


@pytest.mark.parametrize("name", ["../outside", "shards/../../outside", "/outside"])
def test_a_record_leads_to_no_place_outside_the_snapshot(scratch: Any, name: str) -> None:
    good = make_record(manifest(), {"index.parquet": MD5, NAME: MD5}, "here")
    bad = good.to_bytes().replace(b"index.parquet", name.encode())
    scratch.project.store.put(f"snapshots/{'a' * 64}.json", bad)
    with pytest.raises(SnapshotDamaged, match="is no record of a snapshot"):
        load_record(scratch.project.store, "a" * 64)


def test_a_record_leads_to_no_object_outside_the_cache() -> None:
    with pytest.raises(SnapshotDamaged, match=r"`\.\./\.\./\.\./etc/passwd` is no md5"):
        make_record(manifest(), {"index.parquet": "../../../etc/passwd", NAME: MD5}, "here")


def test_a_record_names_the_same_files_twice_over() -> None:
    with pytest.raises(SnapshotDamaged, match=r"disagree on index\.parquet"):
        make_record(manifest(), {NAME: MD5}, "here")


def test_a_record_is_written_once_and_never_changed(scratch: Any) -> None:
    store = scratch.project.store
    record = make_record(manifest(), {"index.parquet": MD5, NAME: MD5}, "here")
    save_record(store, record)
    save_record(store, record)
    assert load_record(store, record.digest) == record
    other = make_record(manifest(), {"index.parquet": "1" * 32, NAME: MD5}, "here")
    with pytest.raises(SnapshotDamaged, match="with other content"):
        save_record(store, other)
    store.put(f"snapshots/{'a' * 64}.json", record.to_bytes())
    with pytest.raises(SnapshotDamaged, match=f"describes {record.digest}"):
        load_record(store, "a" * 64)


def test_a_digest_may_be_shortened_as_long_as_it_is_one() -> None:
    known = ["abc1" + "0" * 60, "abd2" + "0" * 60]
    assert resolve("abd", known, "here") == known[1]
    with pytest.raises(SnapshotMissing, match="begins 2 digests in here"):
        resolve("ab", known, "here")
    with pytest.raises(SnapshotMissing) as caught:
        resolve("abd3", known, "here")
    assert "Did you mean `abd200000000`?" in str(caught.value.mend)


def test_a_digest_that_looks_like_a_number_stays_a_text() -> None:
    pointer = Pointer("1" * 30 + "e" + "1" * 33, "0" * 32 + ".dir", 1, 1)
    assert parse_pointer(pointer.to_text(), "here") == pointer
