"""Motion: through the gate, along the lane behind whoever is ahead, into a bay, and out again to the exit.

Vehicles follow each other by the intelligent driver model, whose terms are products and one square root. A session is a
list of steps, each with the poses of all vehicles on the site; it is a pure function of site, vehicles and chance.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

from slipway.training.world.chance import Chance
from slipway.training.world.fleet import Vehicle
from slipway.training.world.optics import heading
from slipway.training.world.sites import Bay, Point, Site

STEP: Final = 0.25
"""Seconds between two steps."""
TURN: Final = 5.0
"""How far before a bay's mouth a vehicle leaves the lane."""

_SPEED: Final = 5.5
_SLOW: Final = 2.2
_MANOEUVRE: Final = 1.9
_ACCELERATION: Final = 1.6
_BRAKING: Final = 2.2
_DISTANCE: Final = 1.8
_HEADWAY: Final = 0.9
_GATE_STOP: Final = 1.5
_ENTRY_ROOM: Final = 9.0
_OUT_OF_LANE: Final = 0.7
_IN_BAY: Final = 0.25
_ROOM_BEHIND: Final = 15.0
_ROOM_AHEAD: Final = 6.0
_FREE_ROAD: Final = 1000.0
_HARD: Final = -0.6


@dataclass(frozen=True)
class Pose:
    """Where a vehicle is at a step."""

    vehicle: int
    x: float
    y: float
    along: Point
    """Its heading."""
    speed: float
    braking: bool
    parked: bool
    bay: str | None
    """The bay that it stands in, drives into or leaves."""


@dataclass
class _Mover:
    vehicle: int
    length: float
    bay: Bay
    starts: float
    leaves: float
    phase: str = "away"
    way: float = 0.0
    speed: float = _SPEED
    turn: float = 0.0
    waited: float = 0.0
    braking: bool = False
    leaving: bool = False


def simulate(site: Site, vehicles: tuple[Vehicle, ...], chance: Chance, seconds: float) -> list[tuple[Pose, ...]]:
    """A session: some vehicles stand in bays at its beginning, the others arrive while it lasts."""
    movers = _cast(site, vehicles, chance, seconds)
    steps = []
    for number in range(int(seconds / STEP)):
        for mover in movers:
            _advance(mover, movers, site, number * STEP)
        steps.append(tuple(_pose(site, mover) for mover in movers if mover.phase not in {"away", "gone"}))
    return steps


def _cast(site: Site, vehicles: tuple[Vehicle, ...], chance: Chance, seconds: float) -> list[_Mover]:
    """Who parks where, and when they come and go."""
    bays = chance.shuffled(site.bays)
    standing = len(vehicles) * 11 // 20
    movers = []
    for index, vehicle in enumerate(vehicles[: len(bays)]):
        one = chance.of("visit", index)
        if index < standing:
            leaves = one.between(5.0, seconds * 0.8) if one.happens(0.55) else seconds * 2
            mover = _Mover(index, vehicle.length, bays[index], 0.0, leaves, "parked", turn=1.0, speed=0.0)
        else:
            place = (index - standing + one.between(0.0, 0.8)) / (len(vehicles) - standing)
            starts = place * seconds * 0.72 - 3.0
            mover = _Mover(index, vehicle.length, bays[index], starts, starts + one.between(35.0, seconds))
        movers.append(mover)
    return movers


def _advance(mover: _Mover, movers: list[_Mover], site: Site, clock: float) -> None:
    if mover.phase == "away" and clock >= mover.starts:
        if all(other.phase != "lane" or other.way > _ENTRY_ROOM for other in movers):
            mover.phase = "lane"
    elif mover.phase == "lane":
        _drive(mover, movers, site)
    elif mover.phase == "into":
        mover.turn += _MANOEUVRE * STEP / (TURN + TURN)
        mover.speed, mover.braking = _MANOEUVRE, mover.turn > _OUT_OF_LANE
        if mover.turn >= 1.0:
            mover.phase, mover.turn, mover.speed, mover.braking = "parked", 1.0, 0.0, False
    elif mover.phase == "parked" and clock >= mover.leaves and _lane_is_free(mover, movers):
        mover.phase, mover.leaving = "out", True
    elif mover.phase == "out":
        mover.turn -= _MANOEUVRE * STEP / (TURN + TURN)
        mover.speed = _MANOEUVRE
        if mover.turn <= 0.0:
            mover.phase, mover.turn, mover.way, mover.speed = "lane", 0.0, mover.bay.mouth - TURN, 0.0


def _drive(mover: _Mover, movers: list[_Mover], site: Site) -> None:
    """Along the lane: keep the distance, stop at the gate, turn in at the own bay."""
    gap, ahead = _gap(mover, movers)
    if not mover.leaving and mover.waited < _GATE_STOP and mover.way < site.gate:
        gap, ahead = min((gap, ahead), (site.gate - mover.way, 0.0))
        if mover.speed < 0.3:  # noqa: PLR2004 - as good as standing at the gate
            mover.waited += STEP
    near = not mover.leaving and mover.bay.mouth - TURN - mover.way < TURN * 2
    push = _push(mover.speed, _SLOW if near else _SPEED, gap, ahead)
    mover.braking = push < _HARD
    mover.speed = max(0.0, mover.speed + push * STEP)
    mover.way += mover.speed * STEP
    if not mover.leaving and mover.way >= mover.bay.mouth - TURN:
        mover.phase = "into"
    elif mover.way >= site.lane.length - 1.5:
        mover.phase = "gone"


def _push(speed: float, wanted: float, gap: float, ahead: float) -> float:
    """The intelligent driver model: speed up to what is wanted, and keep a distance that grows with speed."""
    share = speed / wanted
    closing = speed * (speed - ahead) / (2 * sqrt(_ACCELERATION * _BRAKING))
    kept = (_DISTANCE + max(0.0, speed * _HEADWAY + closing)) / max(gap, 0.3)
    return max(-6.0, _ACCELERATION * (1 - share * share * share * share - kept * kept))


def _gap(mover: _Mover, movers: list[_Mover]) -> tuple[float, float]:
    """The room before a vehicle, and the speed of the one that ends it."""
    best = (_FREE_ROAD, _SPEED)
    for other in movers:
        if other is mover or not _blocks(other):
            continue
        way = other.way if other.phase == "lane" else other.bay.mouth - TURN
        if way > mover.way:
            best = min(
                best, (way - mover.way - (other.length + mover.length) / 2, other.speed * (other.phase == "lane"))
            )
    return best


def _blocks(mover: _Mover) -> bool:
    return mover.phase == "lane" or (mover.phase in {"into", "out"} and mover.turn < _OUT_OF_LANE)


def _lane_is_free(mover: _Mover, movers: list[_Mover]) -> bool:
    place = mover.bay.mouth
    for other in movers:
        if other is mover or other.phase in {"away", "gone", "parked"}:
            continue
        way = other.way if other.phase == "lane" else other.bay.mouth
        if place - _ROOM_BEHIND < way < place + _ROOM_AHEAD:
            return False
    return True


def _pose(site: Site, mover: _Mover) -> Pose:
    if mover.phase == "lane":
        (x, y), along = site.lane.at(mover.way), site.lane.heading(mover.way)
    else:
        (x, y), along = _turning(site, mover.bay, mover.turn)
    inside = mover.phase != "lane" and mover.turn > _IN_BAY
    return Pose(
        mover.vehicle,
        x,
        y,
        along,
        mover.speed,
        mover.braking,
        mover.phase == "parked",
        mover.bay.name if inside else None,
    )


def _turning(site: Site, bay: Bay, turn: float) -> tuple[Point, Point]:
    """On the curve from the lane into a bay."""
    (ax, ay), (bx, by), (cx, cy) = site.lane.at(bay.mouth - TURN), site.lane.at(bay.mouth), bay.centre
    rest = 1 - turn
    x = ax * rest * rest + 2 * bx * rest * turn + cx * turn * turn
    y = ay * rest * rest + 2 * by * rest * turn + cy * turn * turn
    along = heading((bx - ax) * rest + (cx - bx) * turn, (by - ay) * rest + (cy - by) * turn)
    return (x, y), along
