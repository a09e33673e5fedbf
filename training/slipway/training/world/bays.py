"""Pictures of single bays, free or occupied."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from slipway.platform.data.rows import Box
from slipway.training.world.drawing import Canvas
from slipway.training.world.ground import Image as Pixels
from slipway.training.world.ground import fill, ground_shape
from slipway.training.world.optics import Pinhole
from slipway.training.world.recording import AUTHOR, SECOND, Area, Recording, Sample, band, bounds, holds, part
from slipway.training.world.sensor import encode
from slipway.training.world.sites import Bay

BAY: Final = (64, 64)
SMALLEST_WIDTH: Final = 22.0
"""Pixels that a bay is wide in the scene, at least."""
MARGIN: Final = 0.4
"""Metres of a bay's edge that its picture leaves to the neighbours."""
TALL: Final = 0.9
"""Metres above the ground that its picture shows."""
MOST_HIDDEN: Final = 0.4
ATTEMPTS: Final = 6


def bays(recording: Recording, limit: int) -> Iterator[Sample]:
    """Single bays, as many free as occupied where it can be had.

    Passed over are bays that somebody drives into or leaves, and those that others hide.
    """
    shown = shown_bays(recording)
    one = recording.chance.of("bays")
    made, drawn = 0, set()
    for attempt in range(limit * ATTEMPTS if shown else 0):
        bay, area = one.pick(shown)
        step = one.whole(len(recording.steps) // SECOND) * SECOND
        standing = [pose for pose in recording.steps[step] if pose.bay == bay.name]
        wanted = bool(standing) == (made % 2 == 0) or attempt % ATTEMPTS == 0
        if made == limit or (step, bay.name) in drawn or not wanted or not all(pose.parked for pose in standing):
            continue
        drawn.add((step, bay.name))
        sample = _bay(recording, step, bay, area)
        if sample is not None:
            made += 1
            yield sample


def shown_bays(recording: Recording) -> list[tuple[Bay, Area]]:
    """The bays that are large enough in the camera's picture, each with where it is."""
    return [(bay, area) for bay in recording.session.site.bays if (area := _bay_extent(recording, bay)) is not None]


def picture_of(recording: Recording, bay: Bay, area: Area) -> Callable[[int], tuple[Pixels, Canvas]]:
    """What draws the picture of a bay at a step, with the canvas that says whose each of its pixels is."""
    stage = recording.stage(window_of(recording, area))
    return lambda step: stage.draw(recording.steps[step], recording.chance.of("bay", step, bay.name))


def window_of(recording: Recording, area: Area) -> Pinhole:
    """The camera, looking at a bay alone."""
    return part(recording.camera, area, BAY, 1.0)


def _bay_extent(recording: Recording, bay: Bay) -> Area | None:
    corners = [(x, y, z) for x, y in bay.corners(MARGIN) for z in (0.0, TALL)]
    x, y, z = (np.array(values, np.float64) for values in zip(*corners, strict=True))
    area = bounds(recording.camera, x, y, z)
    fits = area is not None and area[2] - area[0] > SMALLEST_WIDTH * 2 and holds(recording.camera, area)
    return area if fits else None


def _bay(recording: Recording, step: int, bay: Bay, area: Area) -> Sample | None:
    poses = recording.steps[step]
    picture, canvas = picture_of(recording, bay, area)(step)
    inside = next((number for number, pose in enumerate(poses, 1) if pose.bay == bay.name), 0)
    hidden = _hidden(window_of(recording, area), bay, canvas.owner, inside)
    if hidden > MOST_HIDDEN:
        return None
    image = recording.image(BAY, step, f"bay-{bay.name}", {"view": "bay", "occlusion": band(hidden)})
    box = Box(
        category="occupied" if inside else "free", x=0.0, y=0.0, w=float(BAY[0]), h=float(BAY[1]),
        occlusion=float(np.float32(hidden)), label_state="reviewed", author=AUTHOR,
    )  # fmt: skip
    return Sample(encode(picture, recording.place.sensor.quality), replace(image, extra={"bay": bay.name}), (box,))


def _hidden(window: Pinhole, bay: Bay, owner: Pixels, inside: int) -> float:
    """The share of a bay's ground that others than the one who stands on it hide."""
    shape = ground_shape(window, bay.corners())
    if shape is None:
        return 1.0
    floor = np.zeros_like(owner)
    fill(floor, shape, 1)
    covered = (floor > 0) & (owner > 0) & (owner != inside)
    return float(np.count_nonzero(covered)) / max(1, int(np.count_nonzero(floor)))
