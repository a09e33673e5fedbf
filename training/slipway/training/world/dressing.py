"""What a body wears: wheels, lamps, windows, plates, decals, dents, and what is on its roof."""

from collections.abc import Callable
from math import sqrt
from typing import Final

from slipway.training.world.fleet import Decal, Vehicle
from slipway.training.world.optics import Vector
from slipway.training.world.plates import put_plate
from slipway.training.world.shapes import (
    FINE,
    FRONT_LAMP,
    GLASS,
    REAR_LAMP,
    Colour,
    MeshBuilder,
    Side,
    block,
)

TYRE: Final = (30, 29, 28)
WINDOW: Final = (74, 62, 50)
LAMP: Final = (220, 226, 230)
TAIL: Final = (34, 28, 150)
TRIM: Final = (52, 50, 48)
HUBS: Final[tuple[Colour, ...]] = ((190, 190, 188), (120, 120, 120), (70, 70, 72), (224, 226, 228))
_H: Final = sqrt(3.0) / 2
RIM: Final = tuple(
    (x, z) for x, z in (
        (1.0, 0.0), (_H, 0.5), (0.5, _H), (0.0, 1.0), (-0.5, _H), (-_H, 0.5),
        (-1.0, 0.0), (-_H, -0.5), (-0.5, -_H), (0.0, -1.0), (0.5, -_H), (_H, -0.5),
    )
)  # fmt: skip
"""A circle of twelve corners."""
OUT: Final = 0.012
"""How far a mark lies before its face."""


def wheel_fronts(builder: MeshBuilder, vehicle: Vehicle, breadth: float) -> None:
    """The tyres as they are seen below the front and the rear."""
    for x in (-vehicle.length * 0.3, vehicle.length * 0.3):
        for y in (-vehicle.width / 2 + breadth / 2, vehicle.width / 2 - breadth / 2):
            builder.part(0, block(x, y, (0.5, breadth), 0.0, 0.4, TYRE))


def dress_lower(
    builder: MeshBuilder, vehicle: Vehicle, sides: tuple[Side, Side, list[Side]], profile: list[tuple[float, float]]
) -> None:
    """Lamps, plates, wheels, sills, decals and dents of a lower body."""
    left, right, strips = sides
    half, wide = vehicle.length / 2, vehicle.width / 2
    low, belt = profile[0][1], max(z for _, z in profile)
    belt = min(belt, 1.1)
    lamps(builder, strips[-2], half, wide, FRONT_LAMP, 0.64)
    lamps(builder, strips[0], -half, wide, REAR_LAMP, 0.78)
    strips[-2].mark(strips[-2].inset(0.30, 0.70, 0.42, 0.66), TRIM)
    put_plate(strips[-2], (half + OUT, 0.0, low + 0.16), vehicle.plate, 1)
    put_plate(strips[0], (-half - OUT, 0.0, low + 0.30), vehicle.plate, -1)
    for side, sign in ((left, 1), (right, -1)):
        y = sign * (wide + OUT)

        def inset(u0: float, u1: float, v0: float, v1: float, y: float = y) -> list[Vector]:
            x0, x1 = -half + vehicle.length * u0, -half + vehicle.length * u1
            z0, z1 = low + (belt - low) * v0, low + (belt - low) * v1
            return [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)]

        decals_on(side, vehicle, inset)
        if vehicle.body != "van":
            side.mark(inset(0.36, 0.367, 0.1, 0.98), TRIM, FINE)
            side.mark(inset(0.59, 0.597, 0.1, 0.98), TRIM, FINE)
        side.mark(inset(0.04, 0.96, 0.0, 0.13), TRIM)
        for dent in vehicle.dents:
            if dent.side == sign:
                dark: Colour = (vehicle.paint[0] // 3, vehicle.paint[1] // 3, vehicle.paint[2] // 3)
                tall = dent.size * 1.4
                side.mark(inset(dent.along, dent.along + dent.size / 2, dent.up, min(0.95, dent.up + tall)), dark)
        radius = 0.34 if vehicle.body in {"hatchback", "saloon", "estate"} else 0.38
        for share in (-0.3, 0.3):
            wheel(side, y, vehicle.length * share, radius, vehicle.hub)


def wheel(side: Side, y: float, x: float, radius: float, hub: int) -> None:
    """A wheel in its arch."""
    side.mark([(x + (radius + 0.06) * cx, y, max(0.2, radius + (radius + 0.06) * cz)) for cx, cz in RIM], (24, 23, 22))
    side.mark([(x + radius * cx, y, radius + radius * cz) for cx, cz in RIM], TYRE)
    side.mark([(x + radius * 0.58 * cx, y, radius + radius * 0.58 * cz) for cx, cz in RIM], HUBS[hub])
    side.mark([(x + radius * 0.2 * cx, y, radius + radius * 0.2 * cz) for cx, cz in RIM], TRIM, FINE)


def lamps(builder: MeshBuilder, side: Side, x: float, wide: float, finish: str, height: float = 0.8) -> None:
    """A pair of lamps at both edges of a front or a rear."""
    ahead = OUT if x > 0 else -OUT
    colour, tall, broad = (LAMP, 0.14, 0.36) if finish == FRONT_LAMP else (TAIL, 0.24, 0.24)
    for sign in (1, -1):
        outer, inner = sign * (wide - 0.04), sign * max(0.02, wide - 0.04 - broad)
        corners = [(x + ahead, outer, height - tall / 2), (x + ahead, inner, height - tall / 2),
                   (x + ahead, inner, height + tall / 2), (x + ahead, outer, height + tall / 2)]  # fmt: skip
        side.mark(corners, colour, finish)
        builder.lamps.append(((x + 4 * ahead, (outer + inner) / 2, height), finish))


def glaze(cabin: list[Side]) -> None:
    """Windows all around a cabin."""
    front, rear, left, right, _ = cabin
    front.mark(front.inset(0.06, 0.94, 0.06, 0.92), WINDOW, GLASS)
    rear.mark(rear.inset(0.10, 0.90, 0.14, 0.88), WINDOW, GLASS)
    for side, ends in ((left, ((0.12, 0.50), (0.54, 0.88))), (right, ((0.12, 0.46), (0.50, 0.88)))):
        for begin, end in ends:
            side.mark(side.inset(begin, end, 0.08, 0.88), WINDOW, GLASS)


def decals_on(side: Side, vehicle: Vehicle, inset: Callable[[float, float, float, float], list[Vector]]) -> None:
    """The marks that a side shows."""
    for decal in vehicle.decals:
        for area, light in _side_pattern(decal):
            side.mark(inset(*area), decal.colour if light else TRIM)


def _side_pattern(decal: Decal) -> list[tuple[tuple[float, float, float, float], bool]]:
    if decal.pattern == "stripe":
        return [((0.05, 0.95, 0.52, 0.68), True)]
    if decal.pattern == "band":
        return [((decal.place - 0.05, decal.place + 0.07, 0.12, 0.98), True)]
    if decal.pattern == "badge":
        return [
            ((decal.place - 0.11, decal.place + 0.11, 0.34, 0.9), True),
            ((decal.place - 0.05, decal.place + 0.05, 0.48, 0.76), False),
        ]
    if decal.pattern == "checks":
        return [
            ((0.06 + 0.11 * step, 0.115 + 0.11 * step, 0.4 + 0.2 * (step % 2), 0.6 + 0.2 * (step % 2)), True)
            for step in range(8)
        ]
    return []


def dress_roof(roof: Side, vehicle: Vehicle) -> None:
    """Decals that are seen from above."""
    for decal in vehicle.decals:
        if decal.pattern == "roof":
            roof.mark(roof.inset(0.12, 0.88, 0.12, 0.88), decal.colour)
        elif decal.pattern == "bonnet":
            roof.mark(roof.inset(0.0, 1.0, 0.36, 0.64), decal.colour)


def rack(builder: MeshBuilder, vehicle: Vehicle, x: float, top: float) -> None:
    """What is on the roof."""
    if vehicle.rack == "box":
        builder.part(3, block(x, 0.0, (1.3, 0.75), top + 0.06, top + 0.36, (58, 56, 54)))
    elif vehicle.rack == "sign":
        builder.part(3, block(x, 0.0, (0.28, 0.62), top, top + 0.2, (60, 210, 240)))
    elif vehicle.rack == "rails":
        for y in (-vehicle.width / 2 + 0.3, vehicle.width / 2 - 0.3):
            builder.part(3, block(x, y, (1.5, 0.07), top + 0.02, top + 0.1, (70, 70, 70)))
