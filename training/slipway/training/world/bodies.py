"""Vehicles as bodies: from the numbers of an identity to a mesh with windows, wheels, lamps, plates, decals, dents."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from slipway.training.world.dressing import (
    HUBS,
    OUT,
    RIM,
    TRIM,
    TYRE,
    WINDOW,
    decals_on,
    dress_lower,
    dress_roof,
    glaze,
    lamps,
    rack,
    wheel,
    wheel_fronts,
)
from slipway.training.world.fleet import Vehicle
from slipway.training.world.plates import put_plate
from slipway.training.world.shapes import FINE, FRONT_LAMP, GLASS, REAR_LAMP, Mesh, MeshBuilder, block, frustum, prism

CARGO: Final = (214, 214, 210)


@lru_cache(maxsize=512)
def mesh_of(vehicle: Vehicle) -> Mesh:
    """The body of a vehicle."""
    builder = MeshBuilder()
    _BUILDERS.get(vehicle.body, _car)(builder, vehicle)
    return builder.build()


def _car(builder: MeshBuilder, vehicle: Vehicle) -> None:
    """Hatchback, saloon, estate, off-roader: a lower body and a cabin that narrows."""
    half, wide, top = vehicle.length / 2, vehicle.width / 2, vehicle.height
    tail, roof_rear, roof_front, screen = _CABINS[vehicle.body]
    belt = 0.60 * top
    wheel_fronts(builder, vehicle, 0.19 * vehicle.length / 4)
    low = 0.24 if vehicle.body != "suv" else 0.32
    rear = [(-half, low), (-half, belt * 0.94), (-half + 0.12, belt)]
    profile = [*rear, (screen * half, belt), (half - 0.12, belt * 0.80), (half, belt * 0.64), (half, low)]
    left, right, strips = prism(profile, wide, vehicle.paint)
    dress_lower(builder, vehicle, (left, right, strips), profile)
    builder.part(1, [left, right, *strips])
    roof = (roof_rear * half, roof_front * half, wide - 0.24, top)
    cabin = frustum((tail * half, screen * half, wide - 0.05, belt), roof, vehicle.paint)
    glaze(cabin)
    dress_roof(cabin[4], vehicle)
    builder.part(2, cabin)
    rack(builder, vehicle, (roof_rear + roof_front) / 2 * half, top)


_CABINS: Final[Mapping[str, tuple[float, float, float, float]]] = {
    # Rear of the cabin at the belt, rear and front of the roof, foot of the windscreen; shares of the half length.
    "hatchback": (-0.97, -0.78, 0.18, 0.52),
    "saloon": (-0.72, -0.42, 0.14, 0.50),
    "estate": (-0.98, -0.88, 0.14, 0.50),
    "suv": (-0.97, -0.84, 0.20, 0.52),
}


def _van(builder: MeshBuilder, vehicle: Vehicle) -> None:
    """A tall body with a short sloping front."""
    half, wide, top = vehicle.length / 2, vehicle.width / 2, vehicle.height
    wheel_fronts(builder, vehicle, 0.24)
    profile = [(-half, 0.28), (-half, top), (half - 1.25, top), (half - 0.22, 1.12), (half, 0.74), (half, 0.28)]
    left, right, strips = prism(profile, wide, vehicle.paint)
    strips[2].mark(strips[2].inset(0.07, 0.93, 0.10, 0.92), WINDOW, GLASS)
    for side in (left, right):
        y = side.corners[0][1] + (OUT if side.corners[0][1] > 0 else -OUT)
        low, high, front = 1.18, top - 0.22, half - 1.22
        side.mark(
            [(front - 0.75, y, low), (front + 0.72, y, low), (front - 0.02, y, high), (front - 0.75, y, high)],
            WINDOW,
            GLASS,
        )
        side.mark(
            [(front - 0.9, y, 0.34), (front - 0.87, y, 0.34), (front - 0.87, y, high), (front - 0.9, y, high)],
            TRIM,
            FINE,
        )
    strips[0].mark(strips[0].inset(0.10, 0.48, 0.55, 0.88), WINDOW, GLASS)
    strips[0].mark(strips[0].inset(0.52, 0.90, 0.55, 0.88), WINDOW, GLASS)
    dress_lower(builder, vehicle, (left, right, strips), profile)
    dress_roof(strips[1], vehicle)
    builder.part(1, [left, right, *strips])
    rack(builder, vehicle, -0.3, top)


def _pickup(builder: MeshBuilder, vehicle: Vehicle) -> None:
    """A lower body with an open bed behind a short cabin."""
    half, wide, top = vehicle.length / 2, vehicle.width / 2, vehicle.height
    belt = 0.58 * top
    wheel_fronts(builder, vehicle, 0.26)
    rear = [(-half, 0.34), (-half, belt * 0.99), (-half + 0.08, belt)]
    profile = [*rear, (0.42 * half, belt), (half - 0.12, belt * 0.86), (half, belt * 0.74), (half, 0.34)]
    left, right, strips = prism(profile, wide, vehicle.paint)
    bed = [(-half + 0.16, y, belt + OUT) for y in (wide - 0.14, 0.14 - wide)]
    strips[2].mark([*bed, (-0.12 * half, 0.14 - wide, belt + OUT), (-0.12 * half, wide - 0.14, belt + OUT)], TYRE)
    dress_lower(builder, vehicle, (left, right, strips), profile)
    builder.part(1, [left, right, *strips])
    cabin = frustum(
        (-0.10 * half, 0.44 * half, wide - 0.05, belt), (-0.02 * half, 0.22 * half, wide - 0.22, top), vehicle.paint
    )
    glaze(cabin)
    dress_roof(cabin[4], vehicle)
    builder.part(2, cabin)


def _lorry(builder: MeshBuilder, vehicle: Vehicle) -> None:
    """A cab before a box."""
    half, wide, top = vehicle.length / 2, vehicle.width / 2, vehicle.height
    wheel_fronts(builder, vehicle, 0.28)
    builder.part(1, block(0.0, 0.0, (vehicle.length * 0.96, vehicle.width * 0.8), 0.42, 0.78, TRIM))
    cab = [(half - 1.75, 0.45), (half - 1.75, top * 0.80), (half - 0.35, top * 0.80), (half, top * 0.48), (half, 0.45)]
    left, right, strips = prism(cab, wide - 0.04, vehicle.paint)
    strips[2].mark(strips[2].inset(0.06, 0.94, 0.08, 0.85), WINDOW, GLASS)
    for side in (left, right):
        y = side.corners[0][1] + (OUT if side.corners[0][1] > 0 else -OUT)
        low, high = top * 0.48, top * 0.73
        window = [(half - 1.35, y, low), (half - 0.16, y, low), (half - 0.42, y, high), (half - 1.35, y, high)]
        side.mark(window, WINDOW, GLASS)
        wheel(side, y, half - 0.95, 0.46, vehicle.hub)
    lamps(builder, strips[3], half, wide - 0.1, FRONT_LAMP)
    put_plate(strips[3], (half + OUT, 0.0, 0.66), vehicle.plate, 1)
    builder.part(2, [left, right, *strips])
    box = block((-1.85) / 2, 0.0, (vehicle.length - 1.85, vehicle.width), 0.72, top, CARGO)
    for side in box[2:4]:
        y = side.corners[0][1] + (OUT if side.corners[0][1] > 0 else -OUT)
        wheel(side, y, -half + 1.15, 0.46, vehicle.hub)
        side.mark(side.inset(0.0, 1.0, 0.0, 0.12), vehicle.paint)
        decals_on(side, vehicle, side.inset)
    lamps(builder, box[1], -half, wide - 0.1, REAR_LAMP)
    put_plate(box[1], (-half - OUT, 0.0, 0.92), vehicle.plate, -1)
    box[1].mark(box[1].inset(0.49, 0.51, 0.1, 0.95), TRIM)
    dress_roof(box[4], vehicle)
    builder.part(2, box)


def _motorcycle(builder: MeshBuilder, vehicle: Vehicle) -> None:
    """Two wheels, a tank, and somebody on it."""
    half = vehicle.length / 2
    for x in (-half + 0.32, half - 0.32):
        disc = [(x + 0.32 * cx, 0.32 + 0.32 * cz) for cx, cz in RIM]
        left, right, strips = prism(disc, 0.06, TYRE)
        for side, y in ((left, 0.07), (right, -0.07)):
            side.mark([(x + 0.17 * cx, y, 0.32 + 0.17 * cz) for cx, cz in RIM], HUBS[vehicle.hub])
        builder.part(0, [left, right, *strips])
    body = prism(
        [(-half + 0.2, 0.55), (-half + 0.1, 0.82), (half - 0.7, 0.98), (half - 0.35, 0.72), (0.1, 0.3)],
        0.14,
        vehicle.paint,
    )
    lamps(builder, body[2][2], half - 0.45, 0.12, FRONT_LAMP, 0.85)
    builder.part(1, [body[0], body[1], *body[2]])
    jacket = vehicle.decals[0].colour if vehicle.decals else TRIM
    torso = block(-0.15, 0.0, (0.34, 0.5), 0.80, 1.40, jacket)
    put_plate(torso[1], (-half + 0.02, 0.0, 0.62), vehicle.plate, -1, 0.7)
    builder.part(2, torso)
    builder.part(3, block(-0.1, 0.0, (0.28, 0.27), 1.40, 1.68, vehicle.paint))


_BUILDERS: Final[Mapping[str, Callable[[MeshBuilder, Vehicle], None]]] = {
    "van": _van,
    "pickup": _pickup,
    "lorry": _lorry,
    "motorcycle": _motorcycle,
}
