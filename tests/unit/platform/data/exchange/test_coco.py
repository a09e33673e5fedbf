"""COCO goes in and comes out as it was; what is wrong in it is named by file and id."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.platform.data.errors import BadImport, SplitChanged
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

WILD = {
    "info": {"year": 2017, "url": "http://images.example/données", "version": 1.0},
    "licenses": [{"id": 1, "name": "CC-BY"}],
    "type": "instances",
    "categories": [
        {"id": 3, "name": "car", "supercategory": "vehicle", "keypoints": ["front", "rear"]},
        {"id": 90, "name": "Straßenkehrmaschine", "supercategory": "vehicle"},
    ],
}


@pytest.fixture
def wild(picture: Any) -> tuple[dict[str, bytes | str], dict[str, Any]]:
    """A set with crowds, float ids, unknown fields, unicode names, and an order of its own."""
    images = [
        {"id": 397133, "file_name": "000000397133.jpg", "width": 16, "height": 12, "license": 4, "coco_url": "x"},
        {"id": 5.0, "file_name": "höhe/Zufahrt 2.png", "date_captured": "2013-11-14 17:02:52"},
        {"id": "nine", "file_name": "empty.jpg", "width": 16.0, "height": 12},
    ]
    annotations = [
        {"id": 9, "image_id": 5, "category_id": 3, "bbox": [1, 2, 3.5, 4], "iscrowd": 0, "area": 12.25,
         "segmentation": [[1, 2, 3.25, 2, 3, 4]], "score": 1e-7, "attributes": {"plate": None}},
        {"id": 2.0, "image_id": 397133, "category_id": 90, "bbox": [0.1, 0.2, 3, 0], "iscrowd": 1,
         "segmentation": {"counts": [272, 2, 4], "size": [12, 16]}, "area": 7},
        {"id": 1, "image_id": 397133, "category_id": 3, "bbox": [0.1, 0.2, 3, 0]},
    ]  # fmt: skip
    document = {**WILD, "images": images, "annotations": annotations}
    files: dict[str, bytes | str] = {
        "annotations/instances_val2017.json": json.dumps(document),
        "val2017/000000397133.jpg": picture(1),
        "val2017/höhe/Zufahrt 2.png": picture(2, kind="png"),
        "val2017/empty.jpg": picture(3),
    }
    return files, document


def test_a_set_of_the_wild_comes_back_equal(
    tmp_path: Path, wild: Any, lay: Any, take_in: Any, give_out: Any, tree: Any
) -> None:
    files, document = wild
    snapshot = take_in("coco", lay(tmp_path / "src", files), tmp_path / "data")
    assert snapshot.manifest.counts == {"images": 3, "boxes": 3, "identities": 0}
    assert set(snapshot.index["split"].to_pylist()) == {"validation"}
    give_out("coco", snapshot, tmp_path / "out")
    out = tree(tmp_path / "out")
    assert json.loads(out.pop("annotations/instances_val2017.json")) == document
    assert out == {name: content for name, content in files.items() if isinstance(content, bytes)}


def test_two_imports_into_one_snapshot_come_out_side_by_side(
    tmp_path: Path, wild: Any, lay: Any, picture: Any, take_in: Any, give_out: Any, tree: Any
) -> None:
    files, _ = wild
    other = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}
    take_in("coco", lay(tmp_path / "first", files), tmp_path / "data", licence="CC-BY-4.0")
    second = lay(tmp_path / "second", {"train.json": json.dumps(other), "images/a.jpg": picture(9)})
    snapshot = take_in("coco", second, tmp_path / "data", licence="MIT")
    assert snapshot.manifest.licence == "CC-BY-4.0 AND MIT"
    give_out("coco", snapshot, tmp_path / "out")
    out = tree(tmp_path / "out")
    assert json.loads(out["second/train.json"]) == other
    assert {name.removeprefix("first/") for name in out if name.startswith("first/")} == set(files)


def test_the_same_import_again_changes_nothing(tmp_path: Path, wild: Any, lay: Any, take_in: Any) -> None:
    source = lay(tmp_path / "src", wild[0])
    first = take_in("coco", source, tmp_path / "data")
    assert take_in("coco", source, tmp_path / "data").digest == first.digest


def test_boxes_that_were_changed_or_added_since_win_over_what_came(
    tmp_path: Path, wild: Any, lay: Any, take_in: Any, give_out: Any
) -> None:
    snapshot = take_in("coco", lay(tmp_path / "src", wild[0]), tmp_path / "data")
    new = Box(category="lorry", x=1, y=2, w=3, h=4, track="t7")
    with SnapshotWriter(tmp_path / "changed") as writer:
        for row in snapshot.index.to_pylist():
            boxes = [
                Box(category="lorry", x=5, y=box["y"], w=box["w"], h=box["h"], extra=json.loads(box["extra"]))
                for box in snapshot.boxes.to_pylist()
                if box["sample"] == row["sample"]
            ]
            image = Image(width=16, height=12, split="validation", source="x", extra=json.loads(row["extra"]))
            writer.add(bytes(snapshot.image(row["shard"], row["offset"], row["length"])), image, [*boxes, new])
        writer.finish(snapshot.manifest.provenance, "unknown")
    give_out("coco", Snapshot(tmp_path / "changed"), tmp_path / "out")
    document = json.loads((tmp_path / "out/annotations/instances_val2017.json").read_text())
    assert document["categories"][-1] == {"id": 91, "name": "lorry"}
    first = document["annotations"][0]
    assert (first["bbox"], first["category_id"], first["score"]) == ([5, 2, 3.5, 4], 91, 1e-7)
    added = document["annotations"][3:]
    assert [one["id"] for one in added] == [10, 11, 12]
    assert {(one["category_id"], tuple(one["bbox"]), one["track"]) for one in added} == {(91, (1, 2, 3, 4), "t7")}


def test_an_image_that_is_known_with_other_labels_is_refused_and_the_snapshot_stays(
    tmp_path: Path, wild: Any, lay: Any, take_in: Any
) -> None:
    files, document = wild
    first = take_in("coco", lay(tmp_path / "src", files), tmp_path / "data")
    document["annotations"][0]["bbox"] = [1, 2, 3, 3]
    lay(tmp_path / "src", {"annotations/instances_val2017.json": json.dumps(document)})
    with pytest.raises(BadImport, match="with other boxes"):
        take_in("coco", tmp_path / "src", tmp_path / "data")
    assert list(first.verify()) == []


def break_it(document: dict[str, Any], what: str) -> None:
    """One thing that is wrong."""
    images, annotations = document["images"], document["annotations"]
    changes: dict[str, Any] = {
        "unknown image": lambda: annotations[0].update(image_id=404),
        "unknown category": lambda: annotations[0].update(category_id=404),
        "no box": lambda: annotations[0].pop("bbox"),
        "infinite box": lambda: annotations[0].update(bbox=[0, 0, 1e300, 1]),
        "same annotation id": lambda: annotations[1].update(id=9),
        "same image id": lambda: images[1].update(id=397133),
        "no id": lambda: images[1].pop("id"),
        "same name": lambda: images[2].update(file_name="000000397133.jpg"),
        "leads out": lambda: images[2].update(file_name="../../etc/passwd.jpg"),
        "absolute": lambda: images[2].update(file_name="/etc/passwd.jpg"),
        "windows": lambda: images[2].update(file_name="C:\\x.jpg"),
        "missing": lambda: images[2].update(file_name="gone.jpg"),
        "other size": lambda: images[0].update(width=17),
        "no images": images.clear,
    }
    changes[what]()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("unknown image", "instances_val2017.json, annotation id 9: its image id 404 is unknown"),
        ("unknown category", "annotation id 9: its category id 404 is unknown"),
        ("no box", "annotation id 9: its bbox None is not four numbers"),
        ("infinite box", "annotation id 9: its bbox"),
        ("same annotation id", "annotation id 9: the id is given twice"),
        ("same image id", "image id 397133: the id is given twice"),
        ("no id", "image number 2 has no id"),
        ("same name", "image id 'nine': `000000397133.jpg` is named twice"),
        ("leads out", "image id 'nine': the name `../../etc/passwd.jpg` leads out"),
        ("absolute", "the name `/etc/passwd.jpg` leads out"),
        ("windows", "leads out"),
        ("missing", "val2017/gone.jpg is missing"),
        ("other size", "image id 397133: 17 x 12 is said"),
        ("no images", "holds no images"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    tmp_path: Path, wild: Any, lay: Any, take_in: Any, what: str, told: str
) -> None:
    files, document = wild
    break_it(document, what)
    source = lay(tmp_path / "src", {**files, "annotations/instances_val2017.json": json.dumps(document)})
    with pytest.raises(BadImport) as caught:
        take_in("coco", source, tmp_path / "data")
    assert told in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"images": [', "line 1: no JSON"),
        (b'{"images": [{"id": NaN}]}', "NaN"),
        (b'{"images": [{"id": 1e999}]}', "Infinity"),
        (b'\n{"images": "\xff"}', "line 2: byte 0xff is not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "no list `images`"),
        (b'{"images": [], "annotations": 7}', "must be lists"),
    ],
)
def test_files_that_are_no_coco_are_told_as_what_they_are(
    tmp_path: Path, lay: Any, take_in: Any, content: bytes, told: str
) -> None:
    source = lay(tmp_path / "src", {"annotations/a.json": content})
    with pytest.raises(BadImport) as caught:
        take_in("coco", source, tmp_path / "data")
    assert "a.json" in str(caught.value)
    assert told in str(caught.value)


def test_images_with_the_same_bytes_are_refused_by_both_names(
    tmp_path: Path, wild: Any, lay: Any, picture: Any, take_in: Any
) -> None:
    files, _ = wild
    source = lay(tmp_path / "src", {**files, "val2017/empty.jpg": picture(1)})
    with pytest.raises(BadImport, match=r"empty\.jpg has the same bytes as .*397133\.jpg"):
        take_in("coco", source, tmp_path / "data")


def test_a_known_identity_or_image_may_not_change_its_split(tmp_path: Path, wild: Any, lay: Any, take_in: Any) -> None:
    source = lay(tmp_path / "src", wild[0])
    take_in("coco", source, tmp_path / "data")
    with pytest.raises((BadImport, SplitChanged), match=r"split `validation` and not `train`"):
        take_in("coco", source, tmp_path / "data", split="train")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["car", "ü", "a b"]), st.tuples(*[st.floats(-1e6, 1e6)] * 4)),
        max_size=6,
    ),
    unknown=st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.floats(-1, 1) | st.text(max_size=5)),
)
def test_whatever_the_boxes_and_unknown_fields_the_round_trip_is_equal(
    tmp_path_factory: pytest.TempPathFactory,
    lay: Any,
    picture: Any,
    take_in: Any,
    give_out: Any,
    boxes: list[Any],
    unknown: dict[str, Any],
) -> None:
    folder = tmp_path_factory.mktemp("case")
    categories = [{"id": number, "name": name} for number, name in enumerate(("car", "ü", "a b"))]
    numbers = {one["name"]: one["id"] for one in categories}
    document = {
        "categories": categories,
        "images": [{**unknown, "id": number, "file_name": f"{number}.jpg"} for number in range(3)],
        "annotations": [
            {**unknown, "id": at, "image_id": image, "category_id": numbers[name], "bbox": list(box)}
            for at, (image, name, box) in enumerate(boxes)
        ],
    }
    source = lay(folder / "src", {f"images/{number}.jpg": picture(number) for number in range(3)})
    lay(source, {"all.json": json.dumps(document)})
    give_out("coco", take_in("coco", source, folder / "data"), folder / "out")
    assert json.loads((folder / "out/all.json").read_text()) == document
