"""Each check finds its fault, says where, and stays quiet on good data."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from slipway.platform.data.rows import Box
from slipway.platform.data.shards import shard_path
from slipway.platform.data.validation.checks import CHECKS
from slipway.platform.data.validation.tables import Tables
from slipway.platform.data.validation.vocabulary import OURS

Make = Callable[..., Tables]


def run(tables: Tables, name: str, **kwargs: Any) -> list[str]:
    """What a check finds, a sentence for each bad row."""
    return rows(tables, name, **kwargs)["fault"].tolist()


def rows(tables: Tables, name: str, **kwargs: Any) -> pd.DataFrame:
    frame = CHECKS[name](tables, OURS[name][1].model_validate(kwargs))
    assert {"row", "sample", "fault"} <= set(frame.columns)
    return frame[frame["fault"].notna()]


def test_every_expectation_of_ours_has_a_check() -> None:
    assert set(CHECKS) == set(OURS)


@pytest.mark.parametrize("name", sorted(OURS))
def test_good_data_is_quiet(name: str, shots: list[Any], tables: Make) -> None:
    assert run(tables(shots, shots), name) == []


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_snapshot_without_images_breaks_no_check(name: str, tables: Make) -> None:
    assert run(tables([], []), name) == []


def test_a_truncated_shard_is_told_by_row(shots: list[Any], tables: Make) -> None:
    found = tables(shots)
    shard = found.index["shard"].iloc[0]
    path = shard_path(found.snapshot.folder, shard)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    beyond = rows(found, "expect_rows_inside_shards")
    assert 0 < len(beyond) < len(shots)
    assert f"shard {shard[:12]} is truncated" in beyond["fault"].iloc[0]
    assert set(beyond["row"]) <= set(rows(found, "expect_images_to_decode")["row"])


def test_a_missing_shard_is_a_finding(shots: list[Any], tables: Make) -> None:
    found = tables(shots)
    shard_path(found.snapshot.folder, found.index["shard"].iloc[0]).unlink()
    assert "is missing" in run(found, "expect_rows_inside_shards")[0]
    assert len(run(found, "expect_images_to_decode")) == len(shots)


def test_a_truncated_image_does_not_decode(shots: list[Any], tables: Make) -> None:
    shots[3].data = shots[3].data[:-200]
    bad = rows(tables(shots), "expect_images_to_decode")
    assert len(bad) == 1
    assert "does not decode" in bad["fault"].iloc[0]


def test_an_image_bomb_is_refused_by_its_header(shots: list[Any], tables: Make) -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    shots[0].data = bomb + zlib.compress(bytes(1000))
    assert "60000 x 60000 pixels are more than" in run(tables(shots), "expect_images_to_decode")[0]


def test_changed_bytes_are_not_the_samples(shots: list[Any], tables: Make, patched: Callable[[Path], Any]) -> None:
    found = tables(shots)
    first = found.index.iloc[5]
    with patched(shard_path(found.snapshot.folder, first["shard"])) as data:
        data[first["offset"] + first["length"] - 40] ^= 1
    assert rows(found, "expect_image_bytes_to_match_sample")["row"].tolist() == [5]


def test_a_wrong_size_is_told_with_both(shots: list[Any], tables: Make) -> None:
    shots[0].change(width=95)
    assert run(tables(shots), "expect_image_sizes_to_match") == ["the index says 95 x 96, the image has 96 x 96"]


@pytest.mark.parametrize(
    ("box", "told"),
    [
        ({"x": 50.0}, "is not inside its image of 96 x 96"),
        ({"y": -3.0}, "is not inside"),
        ({"w": 0.0}, "is degenerate"),
        ({"h": -4.0}, "is degenerate"),
        ({"w": float("nan")}, "is degenerate"),
    ],
)
def test_a_box_that_cannot_be_is_told(box: dict[str, float], told: str, shots: list[Any], tables: Make) -> None:
    shots[7].relabel(**box)
    found = run(tables(shots), "expect_boxes_inside_images")
    assert len(found) == 1
    assert told in found[0]


def test_missing_and_foreign_legal_bases_are_told(shots: list[Any], tables: Make) -> None:
    shots[0].change(legal_basis=None)
    shots[1].change(legal_basis=" ")
    found = tables(shots)
    assert len(run(found, "expect_legal_basis")) == 2
    assert len(run(found, "expect_legal_basis", allowed=["consent"])) == len(shots)


def test_what_had_to_be_deleted_is_told(shots: list[Any], tables: Make) -> None:
    shots[0].change(retention="2026-03-31")
    shots[1].change(retention="2026-04-01")
    shots[2].change(retention="soon")
    found = run(tables(shots, today=date(2026, 4, 1)), "expect_retention_not_expired")
    assert sorted(one.split(" ", 1)[1] for one in found) == [
        "had to be deleted after 2026-03-31",
        "has the retention date `soon`, which is no ISO date",
    ]


def test_an_identity_in_two_splits_is_leakage(shots: list[Any], tables: Make) -> None:
    shots[13].boxes.append(shots[0].boxes[0])
    bad = rows(tables(shots), "expect_no_identity_leakage")
    assert bad["group"].tolist() == ["v0"]
    assert "identity v0 is in train and 1 of its images in validation" in bad["fault"].iloc[0]


def test_a_day_in_two_splits_is_leakage_where_nobody_is_named(shots: list[Any], tables: Make) -> None:
    for shot in shots:
        shot.relabel(identity=None)
    assert run(tables(shots), "expect_no_day_leakage") == []
    shots[0].change(split="validation")
    assert "the day at yard on 2026-03-01 is in train" in run(tables(shots), "expect_no_day_leakage")[0]


def test_a_held_out_camera_is_no_leakage(shots: list[Any], tables: Make) -> None:
    for shot in shots:
        shot.relabel(identity=None)
    shots[0].change(split="test", camera="roof")
    assert run(tables(shots), "expect_no_day_leakage") == []


def test_a_sample_and_an_identity_keep_their_splits(shots: list[Any], tables: Make) -> None:
    earlier = [replace_shot(shot) for shot in shots]
    for shot in shots:
        if shot.boxes[0].identity == "v0":
            shot.change(split="test")
    found = run(tables(shots, earlier), "expect_splits_to_stay")
    assert "identity v0 was in train in the earlier snapshot and is in test" in found
    assert sum(one.startswith("sample ") for one in found) == 12


def test_the_same_picture_under_other_bytes_is_a_duplicate(shots: list[Any], tables: Make) -> None:
    other = next(shot for shot in shots if shot.image.split != shots[0].image.split)
    other.data = shots[0].data[:2] + b"\xff\xfe\x00\x06made" + shots[0].data[2:]
    found = tables(shots)
    assert "shows exactly what sample" in run(found, "expect_no_duplicates_across_splits")[0]
    assert run(found, "expect_no_near_duplicates_across_splits") == []


def test_a_picture_encoded_again_is_a_near_duplicate(
    shots: list[Any], tables: Make, draw: Callable[..., bytes]
) -> None:
    other = next(shot for shot in shots if shot.image.split != shots[0].image.split)
    other.data = draw(0, (200, 30, 30), quality=70)
    other.change(camera="aisle")
    found = tables(shots)
    assert run(found, "expect_no_duplicates_across_splits") == []
    assert len(run(found, "expect_no_near_duplicates_across_splits")) == 1


def test_a_class_that_a_split_lacks_is_told(shots: list[Any], tables: Make) -> None:
    for shot in shots:
        if shot.image.split == "train":
            shot.relabel(category="lorry")
    found = run(tables(shots), "expect_classes_in_every_split", expected=0.5)
    assert "category `lorry` has 0 boxes in validation, 0 boxes in test; at least 1 expected" in found


def test_a_class_that_chance_keeps_from_a_small_split_is_not_told(shots: list[Any], tables: Make) -> None:
    for shot in shots:
        if shot.image.split == "train":
            shot.relabel(category="lorry")
    assert run(tables(shots), "expect_classes_in_every_split") == []


def test_a_class_of_one_individual_is_told(shots: list[Any], tables: Make) -> None:
    for shot in shots[:12]:
        shot.relabel(category="lorry")
    assert run(tables(shots), "expect_classes_in_every_split") == ["category `lorry` has only 1; at least 2 expected"]


def test_a_slice_that_a_split_lacks_is_told(shots: list[Any], tables: Make) -> None:
    for shot in shots:
        if shot.image.split == "train":
            shot.change(light="day")
    assert run(tables(shots), "expect_slices_in_every_split") == [
        "light `night` has 0 images in train; at least 1 expected"
    ]


def test_a_new_camera_is_a_shift(shots: list[Any], tables: Make) -> None:
    earlier = [replace_shot(shot) for shot in shots]
    for shot in shots[:12]:
        shot.change(camera="roof")
    assert any("camera `roof` is new" in one for one in run(tables(shots, earlier), "expect_no_shift"))


def test_a_share_that_moves_is_a_shift_and_chance_is_none(shots: list[Any], tables: Make) -> None:
    days = [replace_shot(shot, day=f"2026-03-{1 + number % 28:02d}") for number, shot in enumerate(shots)]
    few = [replace_shot(shot) for shot in days]
    for shot in few[:3]:
        shot.change(light="night")
    assert run(tables(few, days), "expect_no_shift", columns=["light"]) == []
    many = [replace_shot(shot, light="night") if number % 8 else shot for number, shot in enumerate(days)]
    assert any("`night` went from" in one for one in run(tables(many, days), "expect_no_shift", columns=["light"]))


def test_a_category_that_its_neighbours_contradict_is_told(shots: list[Any], tables: Make) -> None:
    shots[4].relabel(category="van")
    assert run(tables(shots), "expect_categories_to_agree") == ["identity v0 is `car` in 11 of 12 boxes and `van` here"]


def test_a_track_of_two_individuals_is_told(shots: list[Any], tables: Make) -> None:
    shots[4].relabel(identity="v3")
    assert run(tables(shots), "expect_identities_to_agree") == [
        "gate gate-0 track gate-0 is `v0` in 5 of 6 boxes and `v3` here"
    ]


def test_a_clock_that_is_always_off_is_told(shots: list[Any], tables: Make) -> None:
    skewed = [
        replace_shot(one, time=(one.image.time or 0) + 2520) if one.image.camera == "aisle" else one
        for one in crowd(shots)
    ]
    found = run(tables(skewed), "expect_clocks_to_agree")
    assert len(found) == 3
    assert "the clocks of aisle and gate at yard are -2550 s apart on 2026-03-01" in found[0]


def test_a_clock_that_differs_from_the_earlier_snapshots_is_told(shots: list[Any], tables: Make) -> None:
    earlier = crowd(shots)
    skewed = [replace_shot(one, time=(one.image.time or 0) + 60 * (one.image.camera == "aisle")) for one in earlier]
    assert run(tables(skewed), "expect_clocks_to_agree") == []
    assert len(run(tables(skewed, earlier), "expect_clocks_to_agree")) == 3


def test_a_crop_under_a_strange_name_is_told(shots: list[Any], tables: Make) -> None:
    stray = next(shot for shot in shots if shot.boxes[0].identity == "v3")
    stray.relabel(identity="v0")
    stray.change(sequence="gate-0", day=shots[0].image.day)
    found = run(tables(shots), "expect_crops_to_agree")
    assert found == ["a crop of identity v0 looks unlike its others at camera gate"]


def test_a_track_that_leaps_is_told(shots: list[Any], tables: Make) -> None:
    for number, shot in enumerate(shots[:6]):
        shot.boxes = [Box(category="car", x=4.0 * number, y=8, w=12, h=12, track="t", identity="v0")]
    shots[3].boxes = [Box(category="car", x=80, y=80, w=12, h=12, track="t", identity="v0")]
    found = run(tables(shots), "expect_tracks_without_jumps")
    assert len(found) == 2
    assert "track t of gate-0 leaps" in found[0]


def test_a_clock_that_is_off_on_one_day_is_told(shots: list[Any], tables: Make) -> None:
    passing = crowd(shots)
    assert run(tables(passing), "expect_clocks_to_agree") == []
    skewed = [replace_shot(one, time=(one.image.time or 0) + 90) if off(one) else one for one in passing]
    found = run(tables(skewed), "expect_clocks_to_agree")
    assert any("at yard are -90 s apart on 2026-03-02: 12 passages take" in one for one in found)


def off(shot: Any) -> bool:
    """Whether a clock is wrong there and then."""
    return bool(shot.image.camera == "aisle" and shot.image.day == "2026-03-02")


def crowd(shots: list[Any]) -> list[Any]:
    """Twelve vehicles a day that pass the gate, and half a minute later the aisle."""
    passing = []
    for number, shot in enumerate(shots):
        day, vehicle, camera = number // 24, number % 24 // 2, ("gate", "aisle")[number % 2]
        one = replace_shot(
            shot,
            camera=camera,
            day=f"2026-03-0{1 + day}",
            split="train",
            time=36000.0 + 60 * vehicle + 30 * (number % 2),
        )
        one.relabel(identity=f"d{day}v{vehicle}", category="car")
        passing.append(one)
    return passing


def replace_shot(shot: Any, **changes: Any) -> Any:
    copy = replace(shot, boxes=list(shot.boxes))
    copy.change(**changes)
    return copy
