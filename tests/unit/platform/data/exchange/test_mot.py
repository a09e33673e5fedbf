"""MOTChallenge folders go in and come out with every line as it was."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.platform.data.errors import BadImport
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter

INFO = (
    "[Sequence]\r\nname=MOT17-02\r\nimDir=img1\r\nframeRate=30\r\nseqLength=2\r\n"
    "imWidth=16\r\nimHeight=12\r\nimExt=.jpg\r\n"
)


@pytest.fixture
def wild(picture: Any) -> dict[str, bytes | str]:
    """Nine columns without a last newline, ten columns with CRLF, lines out of order, a test sequence without gt."""
    return {
        "train/MOT17-02/seqinfo.ini": INFO,
        "train/MOT17-02/img1/000001.jpg": picture(1),
        "train/MOT17-02/img1/000002.jpg": picture(2),
        "train/MOT17-02/gt/gt.txt": "2,1,5,3.0,4,5,1,3,0.250\n1,1,1,1,4,5,1,3,1\n\n1, 7, -2, 1,9,5,0,99,0.5",
        "train/MOT17-02/det/det.txt": "1,-1,1.5,1,4,5,0.97,-1,-1,-1\n2,-1,1,1,4,5,0.3,-1,-1,-1\n",
        "train/ADL/img1/000001.png": picture(3, kind="png"),
        "train/ADL/gt/gt.txt": "1,3,1,1,4,5,1,12.5,-7,0\r\n1,-1,1,1,2,2,1,-1,-1,-1\r\n",
        "train/EMPTY/img1/1.jpg": picture(4),
        "train/EMPTY/gt/gt.txt": "",
        "test/MOT17-01/img1/000001.jpg": picture(5),
    }


def test_sequences_of_the_wild_come_back_line_by_line(
    tmp_path: Path, wild: Any, lay: Any, take_in: Any, give_out: Any, tree: Any
) -> None:
    source = lay(tmp_path / "MOT17", wild)
    snapshot = take_in("mot", source, tmp_path / "data", category="person")
    give_out("mot", snapshot, tmp_path / "out")
    assert tree(tmp_path / "out") == tree(source)


def test_columns_say_what_the_lines_say(tmp_path: Path, wild: Any, lay: Any, take_in: Any) -> None:
    snapshot = take_in("mot", lay(tmp_path / "MOT17", wild), tmp_path / "data", category="person")
    boxes = {(row["category"], row["track"]): row for row in snapshot.boxes.to_pylist() if row["x"] == 4}
    car = boxes["car", "MOT17/train/MOT17-02/1"]
    assert (car["x"], car["y"], car["w"], car["h"], car["occlusion"]) == (4, 2, 4, 5, 0.75)
    assert set(snapshot.boxes["category"].to_pylist()) == {"car", "class 99", "person"}
    rows = {row["source"]: row for row in snapshot.index.to_pylist()}
    unlabelled = rows["MOT17/test/MOT17-01/img1/000001.jpg"]
    assert (unlabelled["label_state"], unlabelled["split"], unlabelled["frame"]) == ("unlabelled", "test", 1)
    assert rows["MOT17/train/EMPTY/img1/1.jpg"]["label_state"] == "human"


def test_a_box_that_was_moved_since_wins_over_its_line(
    tmp_path: Path, wild: Any, lay: Any, take_in: Any, give_out: Any
) -> None:
    snapshot = take_in("mot", lay(tmp_path / "MOT17", wild), tmp_path / "data")
    with SnapshotWriter(tmp_path / "changed") as writer:
        for row in snapshot.index.to_pylist():
            boxes = [
                Box(
                    category="bicycle",
                    x=box["x"] + 0.5,
                    y=1,
                    w=4,
                    h=5,
                    track=box["track"],
                    extra=json.loads(box["extra"]),
                )
                for box in snapshot.boxes.to_pylist()
                if box["sample"] == row["sample"]
            ]
            names = ("width", "height", "split", "source", "sequence", "frame")
            image = Image(**{name: row[name] for name in names}, extra=json.loads(row["extra"]))
            writer.add(bytes(snapshot.image(row["shard"], row["offset"], row["length"])), image, boxes)
        writer.finish(snapshot.manifest.provenance, "unknown")
    give_out("mot", Snapshot(tmp_path / "changed"), tmp_path / "out")
    lines = (tmp_path / "out/train/MOT17-02/gt/gt.txt").read_text().splitlines()
    assert lines[0] == "2,1,5.5,2,4,5,1,4,0.250"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("gt/gt.txt", "1,1,1,1,4,5\n9,1,1,1,4,5\n", "gt.txt, line 2: there is no image of frame 9"),
        ("gt/gt.txt", "1,1,1,1,4,5\n\n\nx,1,1,1,4,5\n", "gt.txt, line 4: `x,1,1,1,4,5` is no row"),
        ("gt/gt.txt", "1,1,1,1,nan,5\n", "gt.txt, line 1"),
        ("gt/gt.txt", "1,1,1,1,inf,5\n", "gt.txt, line 1"),
        ("gt/gt.txt", "1,1,1,1\n", "gt.txt, line 1"),
        ("gt/gt.txt", "1.5,1,1,1,4,5\n", "gt.txt, line 1"),
        ("gt/gt.txt", b"1,1,1,1,4,5\n\xff\xfe\n", "gt.txt, line 2: byte 0xff is not UTF-8"),
        ("det/det.txt", "3,-1,1,1,4,5,1\n", "det.txt, line 1: there is no image of frame 3"),
        ("seqinfo.ini", INFO.replace("seqLength=2", "seqLength=600"), "seqLength is 600"),
        ("seqinfo.ini", INFO.replace("imDir=img1", "imDir=../../img1"), "the name `../../img1` leads out"),
        ("seqinfo.ini", INFO.replace("imWidth=16", "imWidth=1920"), "1920 x 12 is said"),
        ("seqinfo.ini", "name=x", "is no INI file"),
        ("img1/2.jpg", b"", "is the same frame as"),
        ("img1/first.jpg", b"", "is not called by a frame's number"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, wild: Any, lay: Any, take_in: Any, name: str, content: bytes | str, told: str
) -> None:
    source = lay(tmp_path / "MOT17", {**wild, f"train/MOT17-02/{name}": content})
    with pytest.raises(BadImport) as caught:
        take_in("mot", source, tmp_path / "data")
    assert told in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_a_folder_without_sequences_is_refused(tmp_path: Path, lay: Any, picture: Any, take_in: Any) -> None:
    with pytest.raises(BadImport, match="holds no sequence"):
        take_in("mot", lay(tmp_path / "src", {"a/1.jpg": picture(1)}), tmp_path / "data")


def test_images_of_another_origin_become_sequences_that_can_be_imported(
    tmp_path: Path, picture: Any, take_in: Any, give_out: Any
) -> None:
    with SnapshotWriter(tmp_path / "world") as writer:
        for frame in range(3):
            image = Image(width=16, height=12, split="train", source=f"{frame}", sequence="gate north/1", frame=frame)
            box = Box(category="van", x=frame + 0.1, y=2, w=3, h=4, track="a", occlusion=0.25)
            writer.add(picture(frame), image, [box, Box(category="lorry", x=1, y=1, w=123456.789, h=1)])
        writer.add(picture(9), Image(width=16, height=12, split="train", source="still"))
        cut = Image(width=4, height=4, split="train", source="0-cut", sequence="gate north/1", frame=1)
        writer.add(picture(10), cut, [Box(category="van", x=0, y=0, w=4, h=4)])
        writer.finish([], "unknown")
    remarks = give_out("mot", Snapshot(tmp_path / "world"), tmp_path / "out")
    assert remarks == ["2 images that are no frame of a sequence were left out."]
    again = take_in("mot", tmp_path / "out", tmp_path / "data")
    boxes = sorted((row["category"], round(row["x"], 6), row["w"], row["occlusion"]) for row in again.boxes.to_pylist())
    assert boxes == sorted([("lorry", 1, 123456.789, 0.0)] * 3 + [("van", at + 0.1, 3, 0.25) for at in range(3)])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.tuples(
            st.integers(1, 2), st.integers(-1, 50), *[st.integers(-99, 99) | st.floats(-999, 999)] * 4,
            *[st.sampled_from(["1", "0", "-1", "0.5", " 3"])] * 3,
        ),
        max_size=8,
    ),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    last=st.booleans(),
)  # fmt: skip
def test_whatever_the_lines_they_come_back_byte_by_byte(
    tmp_path_factory: pytest.TempPathFactory,
    lay: Any,
    picture: Any,
    take_in: Any,
    give_out: Any,
    lines: list[tuple[Any, ...]],
    end: str,
    last: bool,
) -> None:
    folder = tmp_path_factory.mktemp("case")
    text = end.join(",".join(map(str, line)) for line in lines) + (end if last and lines else "")
    images = {f"img1/{frame:06d}.jpg": picture(frame) for frame in (1, 2)}
    source = lay(folder / "seq", {**images, "gt/gt.txt": text, "det/det.txt": text})
    give_out("mot", take_in("mot", source, folder / "data"), folder / "out")
    for name in ("gt/gt.txt", "det/det.txt"):
        assert (folder / "out" / name).read_bytes() == text.encode()
