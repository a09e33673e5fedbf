"""Every kind of damage is found, and named by file and row."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from slipway.platform.data.manifest import FileEntry
from slipway.platform.data.rows import Image
from slipway.platform.data.snapshot import Snapshot, file_digest
from slipway.platform.data.verify import verify
from slipway.platform.data.writer import SnapshotWriter, write_table


def findings(folder: Path) -> list[str]:
    return [str(one) for one in verify(Snapshot(folder), threads=2)]


def rewrite(snapshot: Snapshot, name: str, table: pa.Table) -> None:
    """Another table, with a manifest that agrees: only the rows can be wrong then."""
    path = snapshot.folder / f"{name}.parquet"
    write_table(table, path)
    entry = FileEntry(sha256=file_digest(path), size=path.stat().st_size)
    manifest = snapshot.manifest.model_copy(update={"files": {**snapshot.manifest.files, path.name: entry}})
    (snapshot.folder / "manifest.json").write_bytes(manifest.to_bytes())


def changed(table: pa.Table, column: str, change: Callable[[Any], Any]) -> pa.Table:
    """The table with the first row's value changed."""
    values = table[column].to_pylist()
    place = table.column_names.index(column)
    return table.set_column(place, table.field(column), pa.array([change(values[0]), *values[1:]], table[column].type))


def test_a_whole_snapshot_has_no_findings(snapshot: Any) -> None:
    assert findings(snapshot.folder) == []


def test_a_flipped_byte_is_found_in_its_file_and_its_row(snapshot: Any) -> None:
    row = snapshot.index.to_pylist()[2]
    path = snapshot.folder / "shards" / f"{row['shard']}.tar"
    data = bytearray(path.read_bytes())
    data[row["offset"] + 40] ^= 1
    path.write_bytes(data)
    found = findings(snapshot.folder)
    assert len(found) == 2
    assert f"{path} has sha256" in found[0]
    assert f"{path} at {row['offset']}, row 2 of the index (sample {row['sample'][:12]}, {row['source']})" in found[1]


def test_a_truncated_shard_names_every_row_that_is_lost(snapshot: Any) -> None:
    row = snapshot.index.to_pylist()[0]
    path = snapshot.folder / "shards" / f"{row['shard']}.tar"
    path.write_bytes(path.read_bytes()[: row["offset"] + 100])
    assert any("row 0 of the index" in one and "truncated" in one for one in findings(snapshot.folder))


def test_a_missing_shard_names_its_rows(snapshot: Any) -> None:
    shard = snapshot.index["shard"][0].as_py()
    (snapshot.folder / "shards" / f"{shard}.tar").unlink()
    found = findings(snapshot.folder)
    assert f"{shard}.tar is missing." in found[0]
    lost = snapshot.index["shard"].to_pylist().count(shard)
    assert sum(" of the index " in one for one in found) == lost


@pytest.mark.parametrize(
    ("table", "column", "change", "told"),
    [
        ("index", "sample", lambda _: "0" * 64, "its bytes have sha256"),
        ("index", "offset", lambda value: value + 1, "its bytes have sha256"),
        ("index", "offset", lambda _: -5, "is no place in a file"),
        ("index", "length", lambda _: 10**9, "is truncated"),
        ("index", "width", lambda value: value + 1, "its picture is 64 x 48, the row says 65 x 48"),
        ("index", "shard", lambda _: "f" * 64, "the manifest lists no shard ffffffffffff"),
        ("boxes", "sample", lambda _: "f" * 64, "boxes.parquet row 0: its sample ffffffffffff is not in the index"),
    ],
)
def test_a_row_that_lies_is_found_though_every_file_is_as_listed(
    snapshot: Any, table: str, column: str, change: Callable[[Any], Any], told: str
) -> None:
    rewrite(snapshot, table, changed(getattr(snapshot, table), column, change))
    assert any(told in one for one in findings(snapshot.folder))


def test_repeated_rows_and_wrong_sums_are_found(snapshot: Any) -> None:
    rewrite(snapshot, "index", pa.concat_tables([snapshot.index, snapshot.index.slice(3, 1)]))
    found = findings(snapshot.folder)
    assert any("counts 8 images, the table has 9" in one for one in found)
    assert any("row 8: its sample is there twice" in one for one in found)


def test_a_picture_with_a_broken_header_is_found_though_its_bytes_are_right(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "broken") as writer:
        writer.add(b"\xff\xd8\xff no picture", Image(width=8, height=8, split="train", source="x.jpg"))
        writer.finish([], "unknown")
    (found,) = findings(tmp_path / "broken")
    assert "x.jpg): its picture has a broken header" in found


def test_a_table_that_is_none_is_a_finding_and_no_crash(snapshot: Any) -> None:
    (snapshot.folder / "boxes.parquet").write_bytes(b"nothing")
    assert any("boxes.parquet is no table" in one for one in findings(snapshot.folder))


def test_the_command_says_yes_or_no_by_its_code(snapshot: Any, slipway: Any) -> None:
    good = slipway("verify")
    assert (good.returncode, "8 images" in good.stdout) == (0, True)
    shutil.rmtree(snapshot.folder / "shards")
    bad = slipway("verify", "--limit", "2", "--json")
    assert bad.returncode == 1
    assert '"ok": false' in bad.stdout
    assert "--limit shows more" in bad.stderr
