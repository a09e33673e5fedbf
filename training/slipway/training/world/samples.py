"""The samples of a session: scenes with boxes, crops of one vehicle, pictures of one bay.

`slice_view` says which a sample is: `scene` (a box for each vehicle), `crop` (one box, with an identity) or `bay` (one
box over the bay, of category `free` or `occupied`). All come from the same moments and cameras; crops and bays read out
a part of the picture in a higher resolution, as a camera's main stream does beside its smaller one.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from slipway.training.world.bays import bays
from slipway.training.world.frames import Seen, Stage
from slipway.training.world.recording import SCENE, SECOND, Area, Recording, Sample, band, bounds, holds, part
from slipway.training.world.sensor import encode
from slipway.training.world.sessions import Session
from slipway.training.world.traffic import Pose, simulate

CROP: Final = (128, 96)

HIDDEN: Final = 0.9
"""A vehicle of which more is hidden gets no box."""
SMALLEST: Final = 60
"""Pixels of a vehicle below which it gets no box."""
INSIDE: Final = 0.35
"""The share of a vehicle's extent that must be in a scene for a box."""
BUSY: Final = 7
SPARSE: Final = 2

CROP_WIDTH: Final = 30.0
"""Pixels that a vehicle is wide in the scene, at least, to be cut out."""
CROP_HIDDEN: Final = 0.6
NEAR_WIDTH: Final = 72.0
PER_CAMERA: Final = 3
"""Crops of one vehicle from one camera, at most."""
MOVING: Final = 0.4
CROP_QUALITY: Final = 4
"""How much finer than a scene a crop is stored."""


def samples(session: Session) -> list[Sample]:
    """All samples of a session; a pure function of it."""
    steps = simulate(session.site, session.vehicles, session.chance.of("traffic"), session.scenario.seconds)
    recordings = [Recording(session, place, steps) for place in session.cameras]
    found = [one for recording in recordings for one in scenes(recording)]
    share = len(session.site.cameras)
    for recording in recordings:
        found += crops(recording, -(-session.scenario.crops // share))
    for recording in recordings:
        found += bays(recording, -(-session.scenario.bays // share))
    return found


def scenes(recording: Recording) -> Iterator[Sample]:
    """Whole pictures, in runs of frames a second apart."""
    scenario, stage = recording.session.scenario, recording.stage(recording.camera)
    for run in range(scenario.bursts):
        room = len(recording.steps) // scenario.bursts
        spare = max(1, room - scenario.burst * SECOND)
        first = run * room + recording.chance.of("burst", run).whole(spare)
        for frame in range(scenario.burst):
            yield scene(recording, stage, min(first + frame * SECOND, len(recording.steps) - 1))


def scene(recording: Recording, stage: Stage, step: int) -> Sample:
    """One whole picture with its boxes."""
    picture, seen = stage.paint(recording.steps[step], recording.chance.of("scene", step))
    boxes = tuple(recording.box(one) for one in seen if labelled(one))
    density = "busy" if len(boxes) >= BUSY else "sparse" if len(boxes) <= SPARSE else "some"
    image = recording.image(SCENE, step, "scene", {"view": "scene", "density": density})
    return Sample(encode(picture, recording.place.sensor.quality), image, boxes)


def labelled(seen: Seen) -> bool:
    """Whether enough of a vehicle is in a picture for a box."""
    return seen.occlusion <= HIDDEN and seen.inside >= INSIDE and seen.pixels * (1 - seen.occlusion) >= SMALLEST


def crops(recording: Recording, limit: int) -> Iterator[Sample]:
    """Single vehicles, cut out where they are large enough and not too hidden."""
    made = 0
    taken: dict[int, int] = {}
    for step, pose in recording.chance.of("crops").shuffled(_candidates(recording)):
        if made == limit or taken.get(pose.vehicle, 0) == PER_CAMERA:
            continue
        sample = _crop(recording, step, pose)
        if sample is not None:
            made += 1
            taken[pose.vehicle] = taken.get(pose.vehicle, 0) + 1
            yield sample


def _candidates(recording: Recording) -> list[tuple[int, Pose]]:
    """Moments at which a vehicle can be cut out; one that stands still counts once."""
    found: list[tuple[int, Pose]] = []
    stood: set[int] = set()
    for step in range(2, len(recording.steps), SECOND):
        for pose in recording.steps[step]:
            if pose.parked and pose.vehicle in stood:
                continue
            area = _extent(recording, pose)
            if area is not None and area[2] - area[0] > CROP_WIDTH * 2 and holds(recording.camera, area):
                found.append((step, pose))
                stood |= {pose.vehicle} if pose.parked else set()
    return found


def _extent(recording: Recording, pose: Pose) -> Area | None:
    """Where a vehicle's box of corners is in the camera's picture."""
    vehicle, (hx, hy) = recording.session.vehicles[pose.vehicle], pose.along
    half, wide = vehicle.length / 2, vehicle.width / 2
    signs = [(a, b, c) for a in (half, -half) for b in (wide, -wide) for c in (0.0, vehicle.height)]
    x = np.array([pose.x + hx * a - hy * b for a, b, _ in signs])
    y = np.array([pose.y + hy * a + hx * b for a, b, _ in signs])
    return bounds(recording.camera, x, y, np.array([c for _, _, c in signs]))


def _crop(recording: Recording, step: int, pose: Pose) -> Sample | None:
    area = _extent(recording, pose)
    if area is None:
        return None
    one = recording.chance.of("crop", step, pose.vehicle)
    window = part(recording.camera, area, CROP, one.between(1.04, 1.22))
    picture, seen = recording.stage(window).paint(recording.steps[step], one)
    target = next((found for found in seen if found.pose is pose), None)
    if target is None or target.occlusion > CROP_HIDDEN:
        return None
    vehicle = recording.session.vehicles[pose.vehicle]
    slices = {"view": "crop", "body": vehicle.body, "colour": vehicle.colour, "occlusion": band(target.occlusion),
              "distance": "near" if area[2] - area[0] > NEAR_WIDTH * 2 else "far",
              "motion": "moving" if pose.speed > MOVING else "standing"}  # fmt: skip
    image = recording.image(CROP, step, f"crop-{vehicle.identity}", slices)
    return Sample(encode(picture, recording.place.sensor.quality + CROP_QUALITY), image, (recording.box(target),))
