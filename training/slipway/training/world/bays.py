"""Pictures of single bays, free or occupied."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from slipway.platform.data.rows import Box
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
        standing = any(pose.bay == bay.name for pose in recording.steps[step])
        wanted = standing == (made % 2 == 0) or attempt % ATTEMPTS == 0
        if made == limit or (step, bay.name) in drawn or not wanted:
            continue
        drawn.add((step, bay.name))
        if (seen := view_of(recording, bay, area)(step)) is not None:
            made += 1
            yield _sample(recording, step, bay, seen)


def shown_bays(recording: Recording) -> list[tuple[Bay, Area]]:
    """The bays that are large enough in the camera's picture, each with where it is."""
    return [(bay, area) for bay in recording.session.site.bays if (area := _bay_extent(recording, bay)) is not None]


@dataclass(frozen=True)
class Shown:
    """A bay, as its camera shows it at a step."""

    picture: Pixels
    """Blue, green, red."""
    occupied: bool
    hidden: float
    """The share of its ground that others hide."""


def view_of(recording: Recording, bay: Bay, area: Area) -> Callable[[int], Shown | None]:
    """What shows a bay at a step; None while somebody drives into it or leaves, and where others hide it."""
    window = part(recording.camera, area, BAY, 1.0)
    stage = recording.stage(window)

    def at(step: int) -> Shown | None:
        poses = recording.steps[step]
        inside = next((number for number, pose in enumerate(poses, 1) if pose.bay == bay.name), 0)
        if not all(pose.parked for pose in poses if pose.bay == bay.name):
            return None
        picture, canvas = stage.draw(poses, recording.chance.of("bay", step, bay.name))
        hidden = _hidden(window, bay, canvas.owner, inside)
        return None if hidden > MOST_HIDDEN else Shown(picture, inside > 0, hidden)

    return at


def _bay_extent(recording: Recording, bay: Bay) -> Area | None:
    corners = [(x, y, z) for x, y in bay.corners(MARGIN) for z in (0.0, TALL)]
    x, y, z = (np.array(values, np.float64) for values in zip(*corners, strict=True))
    area = bounds(recording.camera, x, y, z)
    fits = area is not None and area[2] - area[0] > SMALLEST_WIDTH * 2 and holds(recording.camera, area)
    return area if fits else None


def _sample(recording: Recording, step: int, bay: Bay, shown: Shown) -> Sample:
    image = recording.image(BAY, step, f"bay-{bay.name}", {"view": "bay", "occlusion": band(shown.hidden)})
    box = Box(
        category="occupied" if shown.occupied else "free", x=0.0, y=0.0, w=float(BAY[0]), h=float(BAY[1]),
        occlusion=float(np.float32(shown.hidden)), label_state="reviewed", author=AUTHOR,
    )  # fmt: skip
    return Sample(
        encode(shown.picture, recording.place.sensor.quality), replace(image, extra={"bay": bay.name}), (box,)
    )


def _hidden(window: Pinhole, bay: Bay, owner: Pixels, inside: int) -> float:
    """The share of a bay's ground that others than the one who stands on it hide."""
    shape = ground_shape(window, bay.corners())
    if shape is None:
        return 1.0
    floor = np.zeros_like(owner)
    fill(floor, shape, 1)
    covered = (floor > 0) & (owner > 0) & (owner != inside)
    return float(np.count_nonzero(covered)) / max(1, int(np.count_nonzero(floor)))
