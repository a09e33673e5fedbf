"""Re-identification and image folders keep their names, folders and bytes."""

from pathlib import Path
from typing import Any

import pytest

from slipway.platform.data.errors import BadImport
from slipway.platform.data.rows import Box, Image
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.splits import split_of
from slipway.platform.data.writer import SnapshotWriter


@pytest.fixture
def market(picture: Any) -> dict[str, bytes | str]:
    """Market-1501 with junk, distractors, a query that stands in the gallery too, and what Windows left."""
    return {
        "bounding_box_train/0002_c1s1_000451_03.jpg": picture(1),
        "bounding_box_train/0002_c3s2_000451_03.jpg.jpg": picture(2),
        "bounding_box_test/-1_c1s1_000401_03.jpg": picture(3),
        "bounding_box_test/0000_c1s1_000151_01.jpg": picture(4),
        "bounding_box_test/0001_c1s1_001051_03.jpg": picture(5),
        "query/0001_c1s1_001051_00.jpg": picture(5),
        "query/0001_c2s1_000301_00.jpg": picture(6),
    }


def test_market_comes_back_with_names_folders_and_bytes(
    tmp_path: Path, market: Any, lay: Any, take_in: Any, give_out: Any, tree: Any
) -> None:
    source = lay(tmp_path / "Market-1501", {**market, "bounding_box_train/Thumbs.db": "x"})
    snapshot = take_in("reid", source, tmp_path / "data", category="person")
    assert snapshot.manifest.counts == {"images": 6, "boxes": 6, "identities": 2}
    give_out("reid", snapshot, tmp_path / "out")
    assert tree(tmp_path / "out") == market


def test_identities_cameras_and_splits_are_read_from_names_and_folders(
    tmp_path: Path, market: Any, lay: Any, take_in: Any
) -> None:
    snapshot = take_in("reid", lay(tmp_path / "Market-1501", market), tmp_path / "data")
    rows = {row["source"].split("/")[-1]: row for row in snapshot.index.to_pylist()}
    train = rows["0002_c3s2_000451_03.jpg.jpg"]
    assert (train["split"], train["camera"], train["frame"]) == ("train", "c3", 451)
    assert rows["-1_c1s1_000401_03.jpg"]["split"] == "test"
    identities = {row["sample"]: row["identity"] for row in snapshot.boxes.to_pylist()}
    assert identities[train["sample"]] == "Market-1501/0002"
    assert identities[rows["-1_c1s1_000401_03.jpg"]["sample"]] is None
    assert identities[rows["0000_c1s1_000151_01.jpg"]["sample"]] is None


def test_veri_beside_market_keeps_individuals_apart(
    tmp_path: Path, market: Any, lay: Any, picture: Any, take_in: Any, give_out: Any, tree: Any
) -> None:
    veri = {
        "image_train/0001_c001_00016450_0.jpg": picture(21),
        "image_test/0002_c002_00030600_0.jpg": picture(22),
        "image_query/0002_c002_00030600_0.jpg": picture(22),
    }
    take_in("reid", lay(tmp_path / "Market-1501", market), tmp_path / "data")
    snapshot = take_in("reid", lay(tmp_path / "VeRi", veri), tmp_path / "data")
    assert snapshot.manifest.counts["identities"] == 4
    give_out("reid", snapshot, tmp_path / "out")
    expected = {f"Market-1501/{name}": data for name, data in market.items()}
    assert tree(tmp_path / "out") == expected | {f"VeRi/{name}": data for name, data in veri.items()}


def test_a_flat_folder_is_split_by_identity(tmp_path: Path, lay: Any, picture: Any, take_in: Any) -> None:
    files = {f"{number // 3 + 1:04d}_c{number % 3 + 1}_{number:05d}_0.jpg": picture(number) for number in range(30)}
    snapshot = take_in("reid", lay(tmp_path / "flat", files), tmp_path / "data")
    splits = dict(zip(*(snapshot.identities[name].to_pylist() for name in ("identity", "split")), strict=True))
    assert splits == {f"flat/{number:04d}": split_of(f"flat/{number:04d}") for number in range(1, 11)}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"train/0001_c1_1.jpg": 1, "query/0001_c1_2.jpg": 2}, "identity `src/0001` is in `train` here"),
        ({"train/car.jpg": 1}, "train/car.jpg: the name does not begin like"),
        ({"train/0001_c1_1.jpg": 1, "test/0002_c1_1.jpg": 1}, "has the same bytes as"),
        ({"train/0001_c1_1.jpg": 1, "train/0002_c1_1.jpg": 1}, "has the same bytes as"),
        ({"a/0001_c1_1.jpg": 1}, "its folders: a"),
        ({"train/readme.txt": 1}, "holds no images"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, lay: Any, picture: Any, take_in: Any, files: dict[str, int], told: str
) -> None:
    source = lay(tmp_path / "src", {name: picture(number) for name, number in files.items()})
    with pytest.raises(BadImport) as caught:
        take_in("reid", source, tmp_path / "data")
    assert told in str(caught.value)


def test_crops_of_another_origin_get_names_that_can_be_imported(
    tmp_path: Path, picture: Any, take_in: Any, give_out: Any
) -> None:
    with SnapshotWriter(tmp_path / "world") as writer:
        for number in range(8):
            split = "train" if number < 4 else "test"
            image = Image(width=16, height=12, split=split, source=f"{number}", camera=f"gate {number % 2}")
            box = Box(category="car", x=3, y=2, w=10, h=8, identity=f"{split} {number // 4}")
            writer.add(picture(number), image, [box])
        scene = Image(width=16, height=12, split="test", source="scene")
        writer.add(picture(9), scene, [Box(category="car", x=3, y=2, w=4, h=4, identity="test 1")])
        writer.finish([], "unknown")
    remarks = give_out("reid", Snapshot(tmp_path / "world"), tmp_path / "out")
    assert remarks == ["1 images that are no crop of one individual were left out."]
    assert len(list((tmp_path / "out/query").iterdir())) == 2
    again = take_in("reid", tmp_path / "out", tmp_path / "data")
    assert again.manifest.counts == {"images": 8, "boxes": 8, "identities": 2}


def test_an_image_folder_gives_categories_and_keeps_its_own_splits(
    tmp_path: Path, lay: Any, picture: Any, take_in: Any
) -> None:
    files = {"train/van/a.jpg": picture(1), "val/car/old/b.png": picture(2, kind="png"), "val/c.jpg": picture(3)}
    snapshot = take_in("imagefolder", lay(tmp_path / "src", files), tmp_path / "data")
    categories = {row["sample"]: row["category"] for row in snapshot.boxes.to_pylist()}
    found = {
        row["source"]: (row["split"], categories.get(row["sample"]), row["label_state"])
        for row in snapshot.index.to_pylist()
    }
    assert found == {
        "src/train/van/a.jpg": ("train", "van", "human"),
        "src/val/car/old/b.png": ("validation", "car/old", "human"),
        "src/val/c.jpg": ("validation", None, "unlabelled"),
    }
