"""Labels on their way into a snapshot: what changes is written, once, and nothing else."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from label_site import SIZE, make_snapshot, picture, said_of, states, whole_box
from slipway.platform.data.diff import diff
from slipway.platform.data.errors import BadImport
from slipway.platform.data.labels.changing import Fresh, Said, as_change, hear, into_folder
from slipway.platform.data.labels.marks import whole
from slipway.platform.data.labels.relabelling import Asked, Relabelled
from slipway.platform.data.labels.words import Drawn, Word
from slipway.platform.data.manifest import NAME, Provenance
from slipway.platform.data.pointer import source_of
from slipway.platform.data.rows import Image
from slipway.platform.data.snapshot import Snapshot

AT = "2026-11-29T10:00:00Z"
DEVICES = Provenance(kind="devices", source="fleet")


def words(snapshot: Snapshot, author: str, *categories: str | None) -> tuple[Word, ...]:
    """What somebody says of the first images; None: nothing."""
    rows = sorted(snapshot.index.to_pylist(), key=lambda row: str(row["source"]))
    return tuple(
        Word(sample=row["sample"], place="here", author=author, drawn=(Drawn(whole(one, *SIZE), frozenset()),))
        for row, one in zip(rows, categories, strict=False)
        if one is not None
    )


def take(
    snapshot: Snapshot, said: Sequence[Word], scratch: Path, asked: Asked = "human"
) -> tuple[Relabelled, Snapshot]:
    wanted = Said(tuple(said), asked, AT)
    done = hear(snapshot, wanted)
    if done.rows:
        into_folder(snapshot.folder, snapshot, wanted, done, scratch)
    return done, Snapshot(snapshot.folder)


def test_only_rows_that_change_are_written_and_the_images_stay_where_they_are(tmp_path: Path) -> None:
    before = make_snapshot(tmp_path / "data", 4, "auto", [whole_box("free")])
    kept = before.index, before.boxes, before.manifest
    done, after = take(before, words(before, "ada", "free", "occupied"), tmp_path / "scratch")
    assert done.counts == {"confirmed": 1, "labelled": 1}
    assert states(after) == ["human", "human", "auto", "auto"]
    assert said_of(after, "gate/1.jpg") == [
        {"author": "bay-occupancy/2", "at": "", "machine": True, "marks": [["free", 0.0, 0.0, 80.0, 60.0, None, None]]},
        {"author": "ada", "at": AT},
    ]
    shards = {name: entry for name, entry in kept[2].files.items() if name.startswith("shards/")}
    assert {name: after.manifest.files[name] for name in shards} == shards
    untouched = [row for row in after.index.to_pylist() if row["label_state"] == "auto"]
    assert untouched == [row for row in kept[0].to_pylist() if row["sample"] in {one["sample"] for one in untouched}]
    assert not list(after.verify())
    again, same = take(after, words(after, "ada", "free", "occupied"), tmp_path / "scratch")
    assert (again.counts, same.digest) == ({"unchanged": 2}, after.digest)
    reviewed, last = take(same, words(same, "ben", "free", "free"), tmp_path / "scratch")
    assert reviewed.counts == {"disputed": 1, "reviewed": 1}
    assert states(last) == ["reviewed", "disputed", "auto", "auto"]
    assert [one.why for one in reviewed.of("disputed")] == ["ada and ben differ"]


def test_a_snapshot_with_labels_of_people_cannot_be_rendered_again(tmp_path: Path) -> None:
    before = make_snapshot(tmp_path / "data", 1, "auto", [whole_box("free")])
    rendered = before.manifest.model_copy(update={"provenance": (Provenance(kind="rendered", source="world:tiny@1"),)})
    (before.folder / NAME).write_bytes(rendered.to_bytes())
    before = Snapshot(before.folder)
    _, after = take(before, words(before, "ada", "free"), tmp_path / "scratch")
    assert source_of(after.manifest) is None
    assert {one.kind for one in after.manifest.provenance} == {"rendered", "labels"}


def fresh(number: int) -> Fresh:
    image = Image(width=SIZE[0], height=SIZE[1], split="train", source=f"devices/{number}", label_state="auto",
                  slices={"view": "bay"}, extra={"device": {"device": "gate-1"}})  # fmt: skip
    return Fresh(image, (whole_box("free"),), lambda: picture(number))


def test_a_picture_of_a_device_becomes_a_row_when_somebody_labels_it(tmp_path: Path) -> None:
    before = make_snapshot(tmp_path / "data", 2, "human", [whole_box("free", "human", "ada")])
    pictures = {hashlib.sha256(picture(number)).hexdigest(): fresh(number) for number in (50, 51)}
    sample = next(iter(pictures))
    drawn = (Drawn(whole("occupied", *SIZE), frozenset()),)
    said = Said((Word(sample=sample, place="here", author="ada", drawn=drawn),), "human", AT, pictures, (DEVICES,))
    done = hear(before, said)
    manifest = into_folder(before.folder, before, said, done, tmp_path / "scratch")
    after = Snapshot(before.folder)
    assert after.digest == manifest.digest
    assert (
        diff(make_snapshot(tmp_path / "as-it-was", 2, "human", [whole_box("free", "human", "ada")]), after).counts[
            "images added"
        ]
        == 1
    )
    (row,) = [row for row in after.index.to_pylist() if row["sample"] == sample]
    assert (row["label_state"], row["split"], row["source"], row["slice_view"]) == (
        "human",
        "train",
        "devices/50",
        "bay",
    )
    assert bytes(after.image(row["shard"], row["offset"], row["length"])) == picture(50)
    assert after.index.num_rows == 3
    assert DEVICES in after.manifest.provenance
    assert hear(after, said).counts == {"unchanged": 1}


def test_without_a_work_tree_tables_and_new_shards_are_written_alone(tmp_path: Path) -> None:
    before = make_snapshot(tmp_path / "data", 2, "auto", [whole_box("free")])
    heard: list[Relabelled] = []
    change = as_change(Said(words(before, "ada", "free"), "human", AT), heard.append, lambda: tmp_path / "scratch")
    (tmp_path / "new").mkdir()
    manifest = change(before, tmp_path / "new")
    assert manifest is not None
    assert sorted(path.name for path in (tmp_path / "new").rglob("*.*")) == [
        "boxes.parquet", "identities.parquet", "index.parquet",
    ]  # fmt: skip
    assert heard[-1].counts == {"confirmed": 1}
    into = Said(words(before, "ada", "free"), "human", AT)
    beside = into_folder(tmp_path / "beside", before, into, hear(before, into), tmp_path / "scratch")
    assert beside.digest == manifest.digest  # either way is the same snapshot
    (tmp_path / "nothing").mkdir()
    assert change(Snapshot(tmp_path / "beside"), tmp_path / "nothing") is None
    first = as_change(Said((), "human", AT), heard.append, lambda: tmp_path / "scratch")
    assert first(None, tmp_path / "nothing") is None


def test_a_word_about_what_nobody_knows_is_refused(tmp_path: Path) -> None:
    before = make_snapshot(tmp_path / "data", 1)
    with pytest.raises(BadImport, match="no image of the snapshot"):
        hear(before, Said((Word(sample="f" * 64, place="here", drawn=(), author="ada"),), "human", AT))


def test_an_individual_that_is_named_first_is_known_and_stays_in_its_split(tmp_path: Path) -> None:
    before = make_snapshot(tmp_path / "data", 2, "auto", [whole_box("car")])
    (word, _) = words(before, "ada", "car", "car")
    named = replace(word, drawn=(Drawn(replace(whole("car", *SIZE), identity="V1")),))
    _, after = take(before, [named], tmp_path / "scratch")
    assert after.identities.to_pylist() == [{"identity": "V1", "category": "car", "split": "test", "extra": "{}"}]
    other = make_snapshot(tmp_path / "other", 3, "auto", [whole_box("car")], split="train")
    foreign = Snapshot(other.folder)
    foreign.__dict__["identities"] = after.identities
    with pytest.raises(BadImport, match="`V1` is in `test`, and this image in `train`"):
        hear(foreign, Said((named,), "human", AT))


def test_slices_and_types_stay(tmp_path: Path) -> None:
    before = make_snapshot(tmp_path / "data", 2, "auto", [whole_box("free")])
    schema = before.index.schema
    _, after = take(before, words(before, "ada", "free"), tmp_path / "scratch")
    assert pa.schema([(one.name, one.type) for one in after.index.schema]) == pa.schema(
        [(one.name, one.type) for one in schema]
    )
