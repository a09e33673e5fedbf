"""Days that are delivered: taken whole, refused whole, found by their content, from a folder and from a bucket."""

import io
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

from slipway.platform.data.branch import Branch, By
from slipway.platform.data.delivered.deliveries import Delivery, named, waiting
from slipway.platform.data.delivered.taking import Taken, take
from slipway.platform.data.errors import BadImport, DataError, SnapshotDamaged, SnapshotMissing
from slipway.platform.data.fetch import fetch
from slipway.platform.data.project import Project
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.watching import SILENT
from slipway.platform.data.writer import SnapshotWriter

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
Deliver = Callable[..., Path]


@pytest.fixture
def project(scratch: Any, tmp_path: Path) -> Project:
    """Ten images on main, and a place for deliveries."""
    snapshot(scratch.data, range(10))
    scratch.fine("commit")
    scratch.commit_all()
    (tmp_path / "deliveries").mkdir()
    settings = scratch.project.settings
    data = settings.data.model_copy(update={"deliveries": str(tmp_path / "deliveries")})
    return Project(scratch.root, settings.model_copy(update={"data": data}))


def snapshot(folder: Path, numbers: Iterable[int], said: str = "free", day: str = "2026-11-28") -> Snapshot:
    with SnapshotWriter(folder) as writer:
        for number in numbers:
            image = Image(width=16, height=12, split="train", source=f"cam/{number}.jpg", day=day)
            writer.add(picture(number), image, [Box(category=said, x=0, y=0, w=16, h=12)])
        writer.finish([], "CC0-1.0")
    return Snapshot(folder)


@cache
def picture(number: int) -> bytes:
    """Noise is drawn once: it would be another one the next time."""
    buffer = io.BytesIO()
    Picture.effect_noise((16, 12), 40 + number).convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def taken(project: Project, name: str | None = None) -> Taken:
    found = waiting(project)
    delivery = found[0] if name is None else next(one for one in found if one.name == name)
    return take(project, delivery, By("ada"), NOON, SILENT)


def place(project: Project) -> Path:
    return Path(project.settings.data.deliveries or "")


def count_of(project: Project) -> int:
    tip = Branch(project, project.settings.data.branch).tip()
    return 0 if tip is None else int(project.git("rev-list", "--count", f"main..{tip}") or 0)


def test_a_day_becomes_a_new_snapshot_with_all_of_both(project: Project) -> None:
    snapshot(place(project) / "harbour-2026-11-28", range(20, 25))
    done = taken(project)
    assert done.new
    assert done.images == 5
    there = Snapshot(fetch(done.digest, project.settings))
    assert there.index.num_rows == 15
    assert list(there.verify()) == []
    assert [one.source for one in there.manifest.provenance] == ["harbour-2026-11-28"]
    assert project.git("log", "-1", "--format=%s", "slipway/data") == "Data: harbour-2026-11-28, 5 images\n"


def test_the_same_day_is_found_by_its_content_under_whatever_name(project: Project) -> None:
    snapshot(place(project) / "one", range(20, 25))
    first = taken(project, "one")
    assert taken(project, "one").revised is None, "its content stands in the provenance: nothing is looked at"
    shutil.copytree(place(project) / "one", place(project) / "two")
    assert not taken(project, "two").new
    snapshot(place(project) / "part", range(22, 25))
    part = taken(project, "part")
    assert (part.new, part.digest) == (False, first.digest)
    assert count_of(project) == 1


@pytest.mark.parametrize("how", ["truncated", "other bytes", "broken image", "wrong size", "no table", "missing"])
def test_a_corrupt_day_is_refused_whole_with_shard_and_row(project: Project, how: str) -> None:
    folder = place(project) / "bad"
    found = snapshot(folder, range(20, 25))
    shard = next((folder / "shards").iterdir())
    row = found.index.to_pylist()[3]
    if how == "truncated":
        shard.write_bytes(shard.read_bytes()[:-9000])
    elif how == "other bytes":
        changed = bytearray(shard.read_bytes())
        changed[row["offset"] + 30] ^= 1
        shard.write_bytes(changed)
    elif how == "missing":
        shard.unlink()
    elif how == "no table":
        (folder / "boxes.parquet").write_bytes(b"PAR1")
    else:
        shutil.rmtree(folder)
        with SnapshotWriter(folder) as writer:
            data = picture(20)[:200] + b"\xff\xd9" if how == "broken image" else picture(20)
            writer.add(data, Image(width=16, height=13, split="train", source="cam/20.jpg"))
            writer.finish([], "CC0-1.0")
    with pytest.raises(SnapshotDamaged) as refused:
        taken(project)
    assert str(refused.value).startswith("bad was refused as a whole.")
    expected = {
        "truncated": "images are lost, the first is row",
        "other bytes": "has sha256",
        "broken image": "row 0 of index.parquet (cam/20.jpg): the image ",
        "wrong size": "16 x 12 pixels, the row says 16 x 13",
        "no table": "boxes.parquet has 4 bytes",
        "missing": "is missing",
    }
    assert expected[how] in str(refused.value)
    assert count_of(project) == 0


def test_rows_that_point_elsewhere_are_found_though_all_digests_are_right(project: Project) -> None:
    folder = place(project) / "odd"
    found = snapshot(folder, range(20, 25))
    import pyarrow as pa

    from slipway.platform.data.manifest import FileEntry
    from slipway.platform.data.snapshot import file_digest
    from slipway.platform.data.writer import write_table

    offsets = found.index["offset"].to_pylist()
    place_of = found.index.column_names.index("offset")
    swapped = pa.array([offsets[1], offsets[0], *offsets[2:]], pa.int64())
    write_table(found.index.set_column(place_of, found.index.schema.field("offset"), swapped), folder / "index.parquet")
    path = folder / "index.parquet"
    entry = FileEntry(sha256=file_digest(path), size=path.stat().st_size)
    manifest = found.manifest.model_copy(update={"files": {**found.manifest.files, "index.parquet": entry}})
    (folder / "manifest.json").write_bytes(manifest.to_bytes())
    with pytest.raises(SnapshotDamaged, match=r"row 0 of index\.parquet .*the bytes have sha256"):
        taken(project)


def test_other_labels_of_what_is_there_are_refused_and_told(project: Project) -> None:
    snapshot(place(project) / "again", range(5, 12), said="occupied")
    with pytest.raises(DataError, match="conflict"):
        taken(project)
    assert count_of(project) == 0


def test_an_import_format_comes_with_a_note_of_what_it_is(project: Project) -> None:
    folder = place(project) / "mill-2026-11-28"
    (folder / "free").mkdir(parents=True)
    for number in range(20, 24):
        (folder / "free" / f"{number}.jpg").write_bytes(picture(number))
    assert not waiting(project)[0].complete
    (folder / "delivery.toml").write_text(
        'format = "imagefolder"\nsite = "mill"\nday = 2026-11-28\nlicence = "CC0-1.0"\n'
    )
    assert waiting(project)[0].complete
    done = taken(project)
    rows = Snapshot(fetch(done.digest, project.settings)).index.to_pylist()
    assert [(row["site"], row["day"]) for row in rows if row["site"]] == [("mill", "2026-11-28")] * 4
    assert taken(project).revised is None


@pytest.mark.parametrize(
    ("note", "told"),
    [
        ('format = "imagefolders"', "`format`: Input should be 'coco', 'mot', 'reid' or 'imagefolder'"),
        ('format = "coco"\nsites = "mill"', "has no key `sites`"),
        ('format = "coco"\nday = "yesterday"', "`day`: Input should be a valid date"),
        ("format =", "is no TOML"),
    ],
)
def test_a_note_that_cannot_be_meant_is_told_with_its_key(project: Project, note: str, told: str) -> None:
    folder = place(project) / "odd"
    folder.mkdir()
    (folder / "delivery.toml").write_text(note)
    with pytest.raises(BadImport) as refused:
        taken(project)
    assert told in str(refused.value)


def test_a_source_makes_a_day_once(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = snapshot(tmp_path / "rendered", range(20, 25))
    manifest = json.loads((made.folder / "manifest.json").read_bytes())
    manifest["provenance"] = [{"kind": "world", "source": "world:night@1", "detail": {}}]
    (made.folder / "manifest.json").write_text(json.dumps(manifest, sort_keys=True, separators=(",", ":")))
    calls: list[str] = []

    class Source:
        def names(self) -> list[str]:
            return ["world:night@1"]

        def make(self, name: str, target: Path, _: Callable[[str], None]) -> None:
            calls.append(name)
            shutil.copytree(made.folder, target)

    for module in ("sources", "delivered.deliveries"):
        monkeypatch.setattr(f"slipway.platform.data.{module}.installed_sources", lambda: [Source()])
    delivery = named(project, "world:night@1")
    assert take(project, delivery, By("ada"), NOON, SILENT).images == 5
    assert take(project, delivery, By("ada"), NOON, SILENT).revised is None
    assert calls == ["world:night@1"]
    with pytest.raises(SnapshotMissing, match="no source makes it"):
        named(project, "world:nigth@1")


def test_a_bucket_is_like_a_folder_and_its_names_cannot_leave_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store stands for the bucket: it has the same verbs, and its own conformance holds S3 to them."""
    from slipway.platform.store.directory import DirectoryStore

    bucket = DirectoryStore(place(project).parent / "bucket")
    folder = place(project) / "harbour"
    snapshot(folder, range(20, 25))
    for path in folder.rglob("*"):
        if path.is_file():
            bucket.put(f"harbour/{path.relative_to(folder).as_posix()}", path.read_bytes())
    bucket.put("half/shards/abc.tar", b"not all yet")
    monkeypatch.setattr("slipway.platform.data.delivered.deliveries._store", lambda _: bucket)
    data = project.settings.data.model_copy(update={"deliveries": "s3://days/new"})
    far = Project(project.root, project.settings.model_copy(update={"data": data}))
    half, whole = waiting(far)
    assert (half.name, half.complete, whole.name, whole.complete) == ("half", False, "harbour", True)
    assert take(far, whole, By("ada"), NOON, SILENT).images == 5
    odd = Delivery("odd", "s3://days/new/odd", files={"../../manifest.json": "harbour/manifest.json"})
    with pytest.raises(BadImport, match="is no name for a file"):
        take(far, odd, By("ada"), NOON, SILENT)
    assert replace(odd, files={}).complete is False
