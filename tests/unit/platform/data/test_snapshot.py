"""Damage is found and named: the file, the shard, the first row."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from slipway.platform.data.errors import ForeignSchema, SnapshotDamaged, SnapshotMissing
from slipway.platform.data.snapshot import Snapshot


def test_images_are_read_at_their_place(tmp_path: Path, fill: Any) -> None:
    snapshot = fill(tmp_path / "data", range(5))
    rows = {row["source"]: row for row in snapshot.index.to_pylist()}
    for number in range(5):
        row = rows[f"{number}.jpg"]
        assert bytes(snapshot.image(row["shard"], row["offset"], row["length"])) == b"\xff\xd8\xff%d" % number


def test_a_folder_without_a_snapshot_is_told(tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing, match=r"manifest\.json is missing"):
        Snapshot(tmp_path)


def test_reading_from_a_truncated_or_missing_shard_names_it(tmp_path: Path, fill: Any) -> None:
    snapshot = fill(tmp_path / "data", range(1))
    row = snapshot.index.to_pylist()[0]
    path = tmp_path / "data/shards" / f"{row['shard']}.tar"
    place = (row["shard"], row["offset"], row["length"])
    path.write_bytes(path.read_bytes()[: row["offset"] + 1])
    with pytest.raises(
        SnapshotDamaged, match=f"shard {row['shard'][:12]} is truncated: 4 bytes at 512 expected, 1 found"
    ):
        Snapshot(tmp_path / "data").image(*place)
    path.write_bytes(b"")
    with pytest.raises(SnapshotDamaged, match="is missing or empty"):
        Snapshot(tmp_path / "data").image(*place)
    path.unlink()
    with pytest.raises(SnapshotDamaged, match="is missing or empty"):
        Snapshot(tmp_path / "data").image(*place)


def test_verify_names_every_damage_and_the_rows_that_are_lost(tmp_path: Path, fill: Any) -> None:
    snapshot = fill(tmp_path / "data", range(4))
    assert list(snapshot.verify()) == []
    first, second = sorted((tmp_path / "data/shards").iterdir())[:2]
    os.truncate(first, 600)
    content = bytearray(second.read_bytes())
    content[-1] ^= 1
    second.write_bytes(content)
    (tmp_path / "data/notes.txt").write_text("mine")
    told = [str(one) for one in snapshot.verify()]
    assert len(told) == 3
    rows = snapshot.index.to_pylist()
    lost = [at for at, row in enumerate(rows) if row["shard"] == first.stem and row["offset"] > 600]
    expected = f"{len(lost)} images are lost, the first is row {lost[0]}: {rows[lost[0]]['source']}"
    assert expected in told[0]
    assert f"{second} has sha256" in told[1]
    assert told[2].endswith("notes.txt is no part of the snapshot.")
    (tmp_path / "data/boxes.parquet").unlink()
    assert "boxes.parquet is missing." in [str(one).rpartition("/")[2] for one in snapshot.verify()]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.drop_columns(["sample"]), "column `sample` is missing"),
        (lambda table: table.append_column("colour", pa.nulls(table.num_rows)), "column `colour` is unknown"),
        (lambda table: table.set_column(2, "x", table["x"].cast(pa.int64())), "column `x` is int64, double expected"),
    ],
    ids=["missing", "unknown", "type"],
)
def test_a_foreign_table_is_told_by_its_columns(tmp_path: Path, fill: Any, change: Any, told: str) -> None:
    snapshot = fill(tmp_path / "data", range(2))
    path = tmp_path / "data/boxes.parquet"
    pq.write_table(change(snapshot.boxes), path)
    with pytest.raises(ForeignSchema) as caught:
        Snapshot(tmp_path / "data").boxes.num_rows  # noqa: B018 - reading is what fails
    assert f"{path}: {told}" in str(caught.value)


def test_a_file_that_is_no_table_is_told(tmp_path: Path, fill: Any) -> None:
    fill(tmp_path / "data", range(1))
    for content in (b"", b"PAR1", b"sample,shard\n"):
        (tmp_path / "data/index.parquet").write_bytes(content)
        with pytest.raises(SnapshotDamaged, match=r"index\.parquet is no table"):
            Snapshot(tmp_path / "data").index.num_rows  # noqa: B018 - reading is what fails
