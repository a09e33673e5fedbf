"""What the labels say is true of the pictures."""

from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.splits import day_group, split_of
from slipway.training.world.chance import Chance
from slipway.training.world.fleet import KINDS, Vehicle, build_fleet
from slipway.training.world.frames import Stage
from slipway.training.world.light import light_of
from slipway.training.world.optics import Pinhole
from slipway.training.world.places import all_sites
from slipway.training.world.traffic import Pose

ALONG_Y = (0.0, 1.0)


@pytest.fixture
def stage() -> Stage:
    """A camera that looks along an empty lane, and two vehicles: a car and a lorry."""
    fleet = build_fleet(Chance(3), "t", 60)
    car = next(one for one in fleet if one.body == "saloon")
    lorry = next(one for one in fleet if one.body == "lorry")
    camera = Pinhole.towards((-8.0, 0.0, 1.6), (10.0, 0.0, 0.8), 500.0, (640, 480))
    site = replace(all_sites()["harbour"], props=(), lamps=())
    return Stage(site, site.cameras[0], camera, light_of("day", "clear", Chance(3)), (car, lorry), Chance(3))


def pose(vehicle: int, x: float, y: float) -> Pose:
    return Pose(vehicle, x, y, ALONG_Y, 0.0, braking=False, parked=True, bay=None)


def test_occlusion_is_the_share_of_pixels_that_others_cover(stage: Stage) -> None:
    car, lorry = pose(0, 9.0, 0.0), pose(1, 3.0, 3.1)
    _, alone = stage.draw([car], Chance(1))
    _, together = stage.draw([car, lorry], Chance(1))
    _, seen = stage.paint([car, lorry], Chance(1))
    hidden = 1 - np.count_nonzero(together.owner == 1) / np.count_nonzero(alone.owner == 1)
    assert 0.3 < hidden < 0.7
    assert seen[0].occlusion == pytest.approx(hidden)
    assert seen[1].occlusion == 0


def test_a_box_encloses_its_vehicle_and_nothing_else(stage: Stage) -> None:
    _, canvas = stage.draw([pose(0, 9.0, 1.0)], Chance(1))
    _, (seen,) = stage.paint([pose(0, 9.0, 1.0)], Chance(1))
    rows, columns = np.nonzero(canvas.owner == 1)
    assert (seen.left, seen.right) == (columns.min() / 2, (columns.max() + 1) / 2)
    assert (seen.top, seen.bottom) == (rows.min() / 2, (rows.max() + 1) / 2)


def test_what_is_outside_the_picture_is_not_in_a_box(stage: Stage) -> None:
    seen = {one.pose.x: one for one in stage.paint([pose(0, 4.0, 8.0), pose(1, -30.0, 0.0)], Chance(1))[1]}
    assert set(seen) == {4.0}
    assert seen[4.0].left == 0
    assert 0 < seen[4.0].inside < 0.9


def test_a_ray_to_the_ground_comes_back_to_its_pixel() -> None:
    camera = Pinhole.towards((-3.0, 9.6, 6.4), (10.5, 0.6, 0.0), 500.0, (64, 48))
    x, y, depth = camera.ground()
    u, v, found = camera.project(x, y, np.zeros_like(x))
    columns, rows = np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5)
    assert np.allclose(u, columns)
    assert np.allclose(v, rows)
    assert np.allclose(found, depth)


def test_boxes_lie_inside_their_images_and_are_not_degenerate(tiny: Snapshot) -> None:
    sizes = {row["sample"]: (row["width"], row["height"]) for row in tiny.index.to_pylist()}
    boxes = tiny.boxes.to_pylist()
    assert boxes
    for box in boxes:
        width, height = sizes[box["sample"]]
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["w"] <= width
        assert box["y"] + box["h"] <= height
        assert min(box["w"], box["h"]) > 1
        assert 0 <= box["occlusion"] <= 1


def test_every_image_decodes_to_the_size_that_its_row_says(tiny: Snapshot) -> None:
    for row in tiny.index.to_pylist():
        picture = simplejpeg.decode_jpeg(bytes(tiny.image(row["shard"], row["offset"], row["length"])))
        assert picture.shape == (row["height"], row["width"], 3)


def test_splits_follow_day_and_identity_and_agree_inside_an_image(tiny: Snapshot) -> None:
    splits = {}
    for row in tiny.index.to_pylist():
        assert row["split"] == split_of(day_group(row["site"], row["day"]))
        splits[row["sample"]] = row["split"]
    identities = {row["identity"]: row["split"] for row in tiny.identities.to_pylist()}
    assert set(identities.values()) == {"train", "validation", "test"}
    for box in tiny.boxes.to_pylist():
        if box["identity"]:
            assert identities[box["identity"]] == splits[box["sample"]] == split_of(box["identity"])


def test_a_view_says_what_its_boxes_are(tiny: Snapshot) -> None:
    views = {row["sample"]: row["slice_view"] for row in tiny.index.to_pylist()}
    assert set(views.values()) == {"scene", "crop", "bay"}
    for box in tiny.boxes.to_pylist():
        if views[box["sample"]] == "bay":
            assert box["category"] in {"free", "occupied"}
            assert box["identity"] is None
        else:
            assert box["category"] in {kind.category for kind in KINDS.values()}
            assert box["identity"] is not None


def test_near_twins_differ_in_their_plate_and_one_mark_only() -> None:
    fleet = {one.identity: one for one in build_fleet(Chance(1), "t", 200)}
    twins = [one for one in fleet.values() if one.twin_of]
    assert len(twins) > 10
    for twin in twins:
        elder: Vehicle = fleet[str(twin.twin_of)]
        assert twin.split == elder.split
        assert twin.plate != elder.plate
        same = replace(twin, identity=elder.identity, plate=elder.plate, twin_of=None)
        assert replace(same, dents=elder.dents) == elder or replace(same, decals=elder.decals) == elder
