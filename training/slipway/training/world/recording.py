"""One camera in one session: where it looks, what its clock says, and how its pictures and boxes are described."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from slipway.platform.data.rows import Box, Image
from slipway.platform.data.splits import day_group, split_of
from slipway.training.world.chance import Chance
from slipway.training.world.frames import Seen, Stage
from slipway.training.world.optics import NEAR, Array, Pinhole
from slipway.training.world.scenarios import CLOCK_SKEW, SKEWED_CAMERA
from slipway.training.world.sessions import Session
from slipway.training.world.sites import CameraPlace
from slipway.training.world.traffic import STEP, Pose

SCENE: Final = (320, 240)
AUTHOR: Final = "world"
LEGAL_BASIS: Final = "synthetic"
RETENTION: Final = "2099-12-31"
SECOND: Final = int(1 / STEP)
"""Steps in a second."""

PARTLY: Final = 0.15
HEAVILY: Final = 0.45
WHOLE: Final = 0.9
"""The share of an area that the picture must hold for it to be cut out."""

Area = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Sample:
    """An image with what is known of it."""

    data: bytes
    image: Image
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Recording:
    """One camera in one session."""

    session: Session
    place: CameraPlace
    steps: list[tuple[Pose, ...]]

    @cached_property
    def camera(self) -> Pinhole:
        """At twice the size of a scene."""
        size = (SCENE[0] * 2, SCENE[1] * 2)
        return Pinhole.towards(self.place.position, self.place.target, self.place.focal * size[0], size)

    @property
    def chance(self) -> Chance:
        """The source of this camera's draws."""
        return self.session.chance.of(self.place.name)

    def stage(self, camera: Pinhole) -> Stage:
        """The site before this camera, or before a part of its picture."""
        session = self.session
        return Stage(session.site, self.place, camera, session.light, session.vehicles, Chance(session.scenario.seed))

    def image(self, size: tuple[int, int], step: int, name: str, slices: Mapping[str, str]) -> Image:
        """What is known of an image from here."""
        session, place = self.session, self.place
        held_out = "site" if session.site.held_out else "camera" if place.held_out else "none"
        common = {"role": place.role, "sensor": place.sensor.name, "held_out": held_out,
                  "headlights": "on" if session.light.headlights else "off"}  # fmt: skip
        folder = f"{session.site.name}/{session.day}/{session.name}/{place.name}"
        return Image(
            width=size[0], height=size[1],
            split=split_of(day_group(session.site.name, session.day), held_out=held_out != "none"),
            source=f"{folder}/{name}-{step:05d}.jpg",
            site=session.site.name, camera=place.name, day=session.day, time=self.clock(step),
            light=session.light.name, weather=session.light.weather, sequence=folder, frame=step,
            label_state="reviewed", legal_basis=LEGAL_BASIS, retention=RETENTION, slices=common | dict(slices),
        )  # fmt: skip

    def clock(self, step: int) -> float:
        """The time that this camera's clock shows."""
        skew = (
            self.session.scenario.fault == "clock-skew"
            and f"{self.session.site.name}/{self.place.name}" == SKEWED_CAMERA
        )
        return self.session.starts + step * STEP + self.place.sensor.clock + (CLOCK_SKEW if skew else 0.0)

    def box(self, seen: Seen, scale: tuple[float, float] = (1.0, 1.0)) -> Box:
        """A vehicle's box."""
        vehicle = self.session.vehicles[seen.pose.vehicle]
        session = self.session
        return Box(
            category=vehicle.category, x=seen.left * scale[0], y=seen.top * scale[1],
            w=(seen.right - seen.left) * scale[0], h=(seen.bottom - seen.top) * scale[1],
            track=f"{session.site.name}/{session.day}/{session.name}/{vehicle.identity}", identity=vehicle.identity,
            occlusion=float(np.float32(max(0.0, seen.occlusion))), label_state="reviewed", author=AUTHOR,
        )  # fmt: skip


def bounds(camera: Pinhole, x: Array, y: Array, z: Array) -> Area | None:
    """Where points are in a camera's picture, unless some are behind it."""
    u, v, depth = camera.project(x, y, z)
    if float(depth.min()) < NEAR:
        return None
    return float(u.min()), float(v.min()), float(u.max()), float(v.max())


def holds(camera: Pinhole, area: Area) -> bool:
    """Whether nearly all of an area is inside the picture."""
    whole = (area[2] - area[0]) * (area[3] - area[1])
    wide = min(area[2], camera.size[0]) - max(area[0], 0.0)
    tall = min(area[3], camera.size[1]) - max(area[1], 0.0)
    return wide > 0 and tall > 0 and wide * tall >= WHOLE * whole


def part(camera: Pinhole, area: Area, size: tuple[int, int], margin: float) -> Pinhole:
    """The camera reading out an area, with a margin, in the shape of a size."""
    wide, tall = (area[2] - area[0]) * margin, (area[3] - area[1]) * margin
    wide = max(wide, tall * size[0] / size[1])
    tall = wide * size[1] / size[0]
    left, top = (area[0] + area[2] - wide) / 2, (area[1] + area[3] - tall) / 2
    return camera.window(left, top, size[0] * 2 / wide, (size[0] * 2, size[1] * 2))


def band(hidden: float) -> str:
    """How much is hidden, in a word."""
    return "heavy" if hidden > HEAVILY else "partial" if hidden > PARTLY else "none"
