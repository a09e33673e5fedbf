"""A snapshot is written whole or not at all; adding to one links its shards and rewrites none."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.errors import (
    BadImport,
    DataError,
    LabelConflict,
    SnapshotBusy,
    SnapshotDamaged,
    SplitChanged,
)
from slipway.platform.data.manifest import Provenance
from slipway.platform.data.rows import Box, Identity, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

HERE = Path(__file__).parent
JPEG = b"\xff\xd8\xff"
IMAGE = Image(width=1, height=1, split="train", source="a.jpg")
BOX = Box(category="car", x=0, y=0, w=1, h=1)


@pytest.mark.parametrize(("way", "least"), [("exchange", 16), ("renames", 4)])
def test_a_writer_killed_at_any_step_leaves_the_earlier_snapshot_or_the_new_one(
    tmp_path: Path, way: str, least: int
) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(HERE / "killed_writer.py"), str(tmp_path), way]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= least


@pytest.mark.parametrize("limit", [1000, 8000], ids=["shard", "table"])
def test_a_full_disk_is_told_and_the_earlier_snapshot_stays(tmp_path: Path, fill: Any, limit: int) -> None:
    before = fill(tmp_path / "data", range(2))
    command = [sys.executable, str(HERE / "full_disk.py"), str(tmp_path / "data"), str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert f"There is no room to write {tmp_path / 'data'}" in result.stdout
    assert Snapshot(tmp_path / "data").digest == before.digest
    assert list(before.verify()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_adding_links_the_shards_that_are_there(tmp_path: Path, fill: Any) -> None:
    first = fill(tmp_path / "data", range(4))
    shards = {name for name in first.manifest.files if name.startswith("shards/")}
    inodes = {name: (tmp_path / "data" / name).stat().st_ino for name in shards}
    second = fill(tmp_path / "data", range(4, 6), first)
    assert {name: (tmp_path / "data" / name).stat().st_ino for name in shards} == inodes
    assert len([name for name in second.manifest.files if name.startswith("shards/")]) == len(shards) + 1
    assert list(second.verify()) == []


def test_a_linked_shard_behind_a_symbolic_link_becomes_a_file(tmp_path: Path, fill: Any) -> None:
    first = fill(tmp_path / "data", range(2))
    shard = next((tmp_path / "data/shards").iterdir())
    shard.rename(tmp_path / "cache")
    shard.symlink_to(tmp_path / "cache")
    fill(tmp_path / "data", range(2, 4), first)
    assert not shard.is_symlink()
    assert shard.stat().st_ino == (tmp_path / "cache").stat().st_ino


def test_tables_are_the_same_bytes_in_one_go_and_in_two(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path / "two", range(5, 9), fill(tmp_path / "two", range(5)))
    steps, whole = Snapshot(tmp_path / "two"), fill(tmp_path / "one", range(9))
    assert (tmp_path / "two/boxes.parquet").read_bytes() == (tmp_path / "one/boxes.parquet").read_bytes()
    places = ["shard", "offset"]
    assert steps.index.drop_columns(places) == whole.index.drop_columns(places)


def test_the_same_images_give_the_same_snapshot_anywhere(tmp_path: Path, fill: Any) -> None:
    assert fill(tmp_path / "a", range(5)).digest == fill(tmp_path / "elsewhere/b", range(5)).digest


def test_the_same_bytes_twice_are_one_image(tmp_path: Path, fill: Any) -> None:
    first = fill(tmp_path / "data", range(3))
    again = fill(tmp_path / "data", range(3), first)
    assert again.digest == first.digest


def test_the_same_bytes_with_other_labels_or_another_split_are_refused(tmp_path: Path) -> None:
    other_split = Image(width=1, height=1, split="test", source="b.jpg")
    with SnapshotWriter(tmp_path / "data") as writer:
        writer.add(JPEG, IMAGE, [BOX])
        with pytest.raises(LabelConflict, match=r"a\.jpg has the same bytes as a\.jpg and other labels"):
            writer.add(JPEG, IMAGE, [])
        with pytest.raises(SplitChanged, match=r"b\.jpg has the same bytes as a\.jpg, which is in `train`"):
            writer.add(JPEG, other_split, [BOX])
        writer.finish([], "unknown")
    with SnapshotWriter(tmp_path / "data", base=Snapshot(tmp_path / "data")) as writer:
        with pytest.raises(LabelConflict):
            writer.add(JPEG, IMAGE, [BOX, BOX])
        with pytest.raises(SplitChanged):
            writer.add(JPEG, other_split, [BOX])


def test_an_individual_stays_in_its_split(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "data") as writer:
        writer.add_identity(Identity(identity="a", category="car", split="train"))
        writer.finish([], "unknown")
    with SnapshotWriter(tmp_path / "data", base=Snapshot(tmp_path / "data")) as writer:
        writer.add_identity(Identity(identity="a", category="car", split="train"))
        with pytest.raises(SplitChanged, match="Identity `a` is in `train` and would move to `test`"):
            writer.add_identity(Identity(identity="a", category="car", split="test"))


def test_where_it_came_from_is_remembered_once(tmp_path: Path) -> None:
    parts = [Provenance(kind="coco", source="gate", detail={"images": 3, "share": 1.0, "whole": True})]
    for _ in range(2):
        base = Snapshot(tmp_path / "data") if (tmp_path / "data").exists() else None
        with SnapshotWriter(tmp_path / "data", base=base) as writer:
            writer.finish(parts, "MIT")
    assert Snapshot(tmp_path / "data").manifest.provenance == tuple(parts)


def test_what_is_no_image_is_refused_by_its_name(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "data") as writer, pytest.raises(BadImport, match=r"a\.jpg is neither JPEG nor PNG"):
        writer.add(b"GIF89a", IMAGE)
    assert list(tmp_path.iterdir()) == []


def test_a_second_writer_of_one_snapshot_is_refused_and_the_first_goes_on(tmp_path: Path, fill: Any) -> None:
    with SnapshotWriter(tmp_path / "data") as first:
        first.add(JPEG, IMAGE)
        with pytest.raises(SnapshotBusy, match="is at work on"):
            SnapshotWriter(tmp_path / "data")
        first.finish([], "unknown")
    assert fill(tmp_path / "data", range(1), Snapshot(tmp_path / "data")).manifest.counts["images"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_a_killed_writer_left_goes_with_the_next_one_and_what_others_left_stays(tmp_path: Path, fill: Any) -> None:
    for name in (".data.new-1", ".data.previous", ".data2.new-1", "data.new-1"):
        (tmp_path / name).mkdir()
    (tmp_path / ".data.new-1/half").write_bytes(b"x")
    fill(tmp_path / "data", range(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".data2.new-1", "data", "data.new-1"]


def test_a_snapshot_whose_shard_is_truncated_cannot_be_added_to(tmp_path: Path, fill: Any) -> None:
    first = fill(tmp_path / "data", range(2))
    shard = next((tmp_path / "data/shards").iterdir())
    shard.write_bytes(shard.read_bytes()[:700])
    with pytest.raises(SnapshotDamaged, match=f"{shard.name} is missing or truncated"):
        SnapshotWriter(tmp_path / "data", base=first)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").write_bytes(JPEG)
    with pytest.raises(DataError, match="holds no snapshot"):
        SnapshotWriter(tmp_path / "photos")
    assert (tmp_path / "photos/cat.jpg").read_bytes() == JPEG
