"""Sites: a lane from the gate along the aisles to the exit, bays beside it, cameras above it, in metres.

The lane is a polyline with rounded corners; a vehicle's place on it is one number, the way from its beginning.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt

from slipway.training.world.optics import Vector, heading

Point = tuple[float, float]

BAY_DEPTH = 5.2
AISLE_HALF = 3.2
"""From the middle of an aisle to the bays' mouths."""
CORNER = 5.0


@dataclass(frozen=True)
class Lane:
    """The way through a site."""

    points: tuple[Point, ...]

    @cached_property
    def marks(self) -> tuple[float, ...]:
        """The way to each point."""
        way = [0.0]
        for (ax, ay), (bx, by) in zip(self.points, self.points[1:], strict=False):
            way.append(way[-1] + sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay)))
        return tuple(way)

    @property
    def length(self) -> float:
        """The whole way."""
        return self.marks[-1]

    def at(self, way: float) -> Point:
        """The point after that way."""
        index = min(max(bisect_right(self.marks, way) - 1, 0), len(self.points) - 2)
        (ax, ay), (bx, by) = self.points[index], self.points[index + 1]
        share = (way - self.marks[index]) / (self.marks[index + 1] - self.marks[index])
        return ax + (bx - ax) * share, ay + (by - ay) * share

    def heading(self, way: float) -> Point:
        """Where a vehicle there is heading: from a rear to a front axle."""
        (ax, ay), (bx, by) = self.at(way - 1.3), self.at(way + 1.3)
        return heading(bx - ax, by - ay)


@dataclass(frozen=True)
class Bay:
    """A place to park, entered from a point of the lane."""

    name: str
    centre: Point
    inward: Point
    """The heading of a vehicle that stands in it."""
    mouth: float
    """The way along the lane to where it opens."""
    width: float

    def corners(self, margin: float = 0.0) -> tuple[Point, Point, Point, Point]:
        """Its rectangle on the ground, from the mouth around."""
        (cx, cy), (hx, hy) = self.centre, self.inward
        half, deep = self.width / 2 - margin, BAY_DEPTH / 2 - margin
        signs = ((-1, 1), (1, 1), (1, -1), (-1, -1))
        first, second, third, fourth = (
            (cx + hx * deep * along - hy * half * across, cy + hy * deep * along + hx * half * across)
            for along, across in signs
        )
        return first, second, third, fourth


@dataclass(frozen=True)
class Sensor:
    """What a camera does to a picture, and how wrong its clock is."""

    name: str = "plain"
    gain: float = 1.0
    white: tuple[float, float, float] = (1.0, 1.0, 1.0)
    curve: int = 8
    """The tone curve's power in eighths: 8 is straight, less lifts the shadows."""
    soft: int = 0
    noise: int = 10
    quality: int = 84
    clock: float = 0.0


@dataclass(frozen=True)
class CameraPlace:
    """A camera of a site."""

    name: str
    role: str
    position: Vector
    target: Vector
    focal: float
    """In widths of the picture."""
    sensor: Sensor = Sensor()
    held_out: bool = False


@dataclass(frozen=True)
class Prop:
    """A thing that stands there: a box on the ground."""

    kind: str
    centre: Point
    size: tuple[float, float]
    height: float
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Site:
    """A parking site."""

    name: str
    lane: Lane
    bays: tuple[Bay, ...]
    cameras: tuple[CameraPlace, ...]
    lamps: tuple[Point, ...]
    props: tuple[Prop, ...]
    edges: tuple[float, float, float, float]
    """Where the asphalt ends: west, south, east, north."""
    asphalt: tuple[int, int, int] = (96, 94, 92)
    surroundings: tuple[int, int, int] = (62, 104, 84)
    held_out: bool = False
    gate: float = field(default=9.0)

    def camera(self, name: str) -> CameraPlace:
        """One of its cameras."""
        return next(one for one in self.cameras if one.name == name)


def rounded(corners: tuple[Point, ...]) -> Lane:
    """A lane through corners, each rounded by a parabola."""
    points = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        entry, leave = _towards(corner, before), _towards(corner, after)
        points += [_parabola(entry, corner, leave, step / 8) for step in range(9)]
    return Lane((*points, corners[-1]))


def row_of_bays(lane: Lane, name: str, first: float, count: int, side: int, width: float = 2.6) -> tuple[Bay, ...]:
    """Bays side by side along a straight part of the lane; `side` is 1 to the left of it and -1 to the right."""
    bays = []
    for number in range(count):
        mouth = first + width * (number + 0.5)
        (x, y), (hx, hy) = lane.at(mouth), lane.heading(mouth)
        inward = (-hy * side, hx * side)
        away = AISLE_HALF + BAY_DEPTH / 2
        centre = (x + inward[0] * away, y + inward[1] * away)
        bays.append(Bay(f"{name}{number + 1}", centre, inward, mouth, width))
    return tuple(bays)


def _towards(corner: Point, other: Point) -> Point:
    x, y = heading(other[0] - corner[0], other[1] - corner[1])
    return corner[0] + x * CORNER, corner[1] + y * CORNER


def _parabola(a: Point, b: Point, c: Point, share: float) -> Point:
    rest = 1 - share
    x = a[0] * rest * rest + 2 * b[0] * rest * share + c[0] * share * share
    y = a[1] * rest * rest + 2 * b[1] * rest * share + c[1] * share * share
    return x, y
