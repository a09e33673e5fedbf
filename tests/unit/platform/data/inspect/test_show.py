"""`slipway data show`: numbers, rows, one sample, and a contact sheet."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

from slipway.platform.data.gallery import TILE, WARNING, contact_sheet
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter


def test_the_overview_counts_by_everything(snapshot: Any, slipway: Any) -> None:
    told = json.loads(slipway("show", "--json").stdout)
    assert (told["digest"], told["images"], told["boxes"], told["identities"]) == (snapshot.digest, 8, 12, 8)
    assert (told["licence"], told["provenance"][0]["source"]) == ("CC0-1.0", "gate")
    assert told["by"]["split"] == {"train": 6, "test": 2}
    assert list(told["by"]["split"]) == ["train", "test"]
    assert told["by"]["weather"] == {"dry": 7, "none": 1}
    assert told["by"]["slice_zone"] == {"aisle": 5, "ramp": 3}
    assert told["by"]["category"] == {"car": 8, "van": 4}
    text = slipway("show").stdout
    assert "camera       north 4 (50%), south 4 (50%)" in text
    assert snapshot.digest in text


@pytest.mark.usefixtures("snapshot")
def test_a_filter_lists_the_rows_and_says_how_many_match(slipway: Any) -> None:
    done = slipway("show", "--where", "camera=south and day>=2026-03-01", "--sort", "-frame", "--limit", "3")
    assert done.returncode == 0
    assert [line.split()[-1] for line in done.stdout.splitlines()[1:]] == ["gate/6.jpg", "gate/4.jpg", "gate/2.jpg"]
    assert "1 car, 1 van" in done.stdout
    assert done.stderr == "4 of 8 images match; 3 are shown.\n"
    told = json.loads(slipway("show", "--where", "frame=5", "--json").stdout)
    assert (told["matching"], told["rows"][0]["boxes"]) == (1, {"car": 1})


@pytest.mark.usefixtures("snapshot")
def test_nothing_that_matches_is_no_error(slipway: Any) -> None:
    done = slipway("show", "--where", "split=validation", "--gallery", "empty.png")
    assert (done.returncode, done.stdout) == (0, "")
    assert "0 of 8 images match" in done.stderr


@pytest.mark.usefixtures("snapshot")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--where", "camra=north"), "Did you mean `camera`?"),
        (("--sort", "dya"), "Did you mean `day`?"),
        (("--sample", "nope"), "No sample"),
        (("elsewhere",), "no git revision"),
    ],
)
def test_wrong_use_is_one_message_and_code_2(slipway: Any, arguments: Any, told: str) -> None:
    done = slipway("show", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_without_data_the_message_says_how_to_get_some(slipway: Any) -> None:
    done = slipway("show")
    assert done.returncode == 1
    assert "slipway data pull" in done.stderr


def test_one_sample_shows_its_row_its_boxes_and_its_neighbours_in_the_track(snapshot: Any, slipway: Any) -> None:
    by_frame = {row["frame"]: row["sample"] for row in snapshot.index.to_pylist()}
    told = json.loads(slipway("show", "--sample", by_frame[4][:10], "--json").stdout)
    assert told["row"]["source"] == "gate/4.jpg"
    assert [box["category"] for box in told["boxes"]] == ["car", "van"]
    assert told["tracks"] == {"t1": {"place": 5, "length": 8, "before": by_frame[3], "after": by_frame[5]}}
    text = slipway("show", "--sample", by_frame[0][:10]).stdout
    assert f"track t1: 1 of 8; before it none, after it {by_frame[1][:12]}" in text


@pytest.mark.usefixtures("snapshot")
def test_a_gallery_has_a_tile_for_each_row_with_its_boxes_drawn(slipway: Any, project: Path) -> None:
    done = slipway("show", "--where", "category=van", "--gallery", "vans.png", "--columns", "2")
    assert done.returncode == 0, done.stderr
    with Picture.open(project / "vans.png") as sheet:
        assert sheet.width > 2 * TILE[0]
        assert sheet.height > 2 * TILE[1]
    assert [path.name for path in project.iterdir() if path.name.endswith(".part")] == []


def test_the_same_rows_give_the_same_sheet_and_the_boxes_change_it(snapshot: Any) -> None:
    sheets = [contact_sheet(snapshot, snapshot.index, "all") for _ in range(2)]
    assert sheets[0].tobytes() == sheets[1].tobytes()
    bare = Snapshot(snapshot.folder)
    bare.__dict__["boxes"] = snapshot.boxes.slice(0, 0)
    assert contact_sheet(bare, bare.index, "all").tobytes() != sheets[0].tobytes()


def test_what_cannot_be_decoded_gets_a_tile_that_says_so(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "broken") as writer:
        boxes = [Box(category="car", x=-5, y=-5, w=900, h=1, identity="far outside the picture, with a long name")]
        writer.add(b"\xff\xd8\xff no picture", Image(width=8, height=8, split="train", source="x.jpg"), boxes)
        writer.finish([], "unknown")
    broken = Snapshot(tmp_path / "broken")
    sheet = contact_sheet(broken, broken.index, "broken")
    red = tuple(int(WARNING[place : place + 2], 16) for place in (1, 3, 5))
    assert any(colour == red for _, colour in sheet.getcolors(1 << 24) or [])
