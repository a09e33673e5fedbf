"""The sites of the world: where lanes, bays, cameras, lamps and buildings are.

`station` is held out as a whole, and so is the camera at the exit of `market`: models are judged there, never trained.
"""

from collections.abc import Mapping
from typing import Final

from slipway.training.world.sites import CameraPlace, Prop, Sensor, Site, rounded, row_of_bays

BRICK: Final = (78, 96, 152)
PLASTER: Final = (176, 190, 198)
HEDGE: Final = (44, 88, 58)
LEAVES: Final = (50, 110, 72)
BOOTH: Final = (150, 140, 70)


def _harbour() -> Site:
    lane = rounded(((-16.0, 0.0), (8.0, 0.0), (42.0, 0.0)))
    return Site(
        name="harbour",
        lane=lane,
        bays=row_of_bays(lane, "N", 18.0, 9, 1) + row_of_bays(lane, "S", 18.0, 9, -1),
        cameras=(
            CameraPlace("gate", "gate", (-0.5, -4.6, 3.4), (-7.0, 0.2, 0.7), 0.85, Sensor("plain", noise=9)),
            CameraPlace(
                "aisle-west", "aisle", (-3.0, 9.6, 6.4), (10.5, 0.6, 0.0), 0.86,
                Sensor("warm", white=(0.90, 1.0, 1.08), curve=7, noise=13, quality=80),
            ),
            CameraPlace(
                "aisle-east", "aisle", (29.5, -10.4, 7.0), (16.5, 0.4, 0.0), 0.84,
                Sensor("soft", gain=0.94, soft=1, noise=11, clock=0.3),
            ),
            CameraPlace(
                "exit", "exit", (39.5, 4.4, 3.6), (32.0, -0.2, 0.6), 0.85, Sensor("cool", white=(1.1, 1.0, 0.93)),
            ),
        ),
        lamps=((4.0, 9.4), (17.0, 9.4), (30.0, 9.4), (10.0, -9.6), (33.0, -9.6), (-6.0, 5.2)),
        props=(
            Prop("building", (14.0, 19.0), (46.0, 8.0), 7.0, BRICK),
            Prop("building", (14.0, -21.0), (40.0, 8.0), 5.0, PLASTER),
            Prop("hedge", (-18.5, 9.0), (2.0, 12.0), 1.4, HEDGE),
            Prop("tree", (36.0, -9.0), (3.4, 3.4), 5.2, LEAVES),
            Prop("tree", (-10.0, 10.5), (3.0, 3.0), 4.6, LEAVES),
            Prop("tree", (-12.0, -9.5), (3.6, 3.6), 5.4, LEAVES),
            Prop("booth", (-3.0, 3.4), (1.6, 1.6), 2.5, BOOTH),
            Prop("post", (-2.2, 1.9), (0.3, 0.3), 1.1, (40, 120, 230)),
            Prop("post", (33.0, -2.4), (0.3, 0.3), 1.1, (40, 120, 230)),
        ),
        edges=(-24.0, -9.0, 50.0, 9.0),
        gate=10.5,
    )  # fmt: skip


def _market() -> Site:
    lane = rounded(((-16.0, 0.0), (27.0, 0.0), (27.0, 16.8), (-16.0, 16.8)))
    back = lane.length - 16.0 - 2.0 - 7 * 2.6
    return Site(
        name="market",
        lane=lane,
        bays=row_of_bays(lane, "A", 18.0, 7, -1)
        + row_of_bays(lane, "B", 18.0, 7, 1)
        + row_of_bays(lane, "C", back, 7, 1)
        + row_of_bays(lane, "D", back, 7, -1),
        cameras=(
            CameraPlace("gate", "gate", (0.5, 4.4, 3.2), (-6.0, -0.4, 0.7), 0.80, Sensor("plain", noise=8)),
            CameraPlace(
                "aisle-a", "aisle", (24.5, -9.6, 7.2), (11.0, 1.2, 0.0), 0.80,
                Sensor("grainy", gain=1.06, noise=20, quality=74),
            ),
            CameraPlace(
                "aisle-b", "aisle", (-2.5, 27.0, 7.4), (11.0, 15.6, 0.0), 0.82,
                Sensor("flat", gain=1.03, white=(1.03, 1.0, 0.97), curve=6, noise=10, clock=-0.2),
            ),
            CameraPlace(
                "exit", "exit", (-13.0, 12.4, 3.6), (-4.5, 16.9, 0.6), 0.82,
                Sensor("dim", gain=0.86, curve=9, soft=1, noise=14, quality=78), held_out=True,
            ),
        ),
        lamps=((2.0, 8.4), (14.0, 8.4), (24.0, 8.4), (8.0, -9.4), (8.0, 26.2), (-6.0, 8.4), (20.0, 26.2)),
        props=(
            Prop("building", (8.0, 35.0), (50.0, 8.0), 6.0, PLASTER),
            Prop("building", (10.0, -20.0), (44.0, 8.0), 8.0, BRICK),
            Prop("hedge", (36.0, 8.0), (2.0, 24.0), 1.6, HEDGE),
            Prop("tree", (-7.0, 8.4), (3.2, 3.2), 4.8, LEAVES),
            Prop("tree", (-13.0, -8.0), (3.6, 3.6), 5.2, LEAVES),
            Prop("tree", (31.5, 22.0), (3.4, 3.4), 5.0, LEAVES),
            Prop("booth", (-3.0, -3.4), (1.6, 1.6), 2.5, (70, 110, 170)),
            Prop("post", (-2.2, -2.0), (0.3, 0.3), 1.1, (40, 40, 200)),
            Prop("post", (-4.0, 19.2), (0.3, 0.3), 1.1, (40, 40, 200)),
        ),
        edges=(-24.0, -9.0, 33.0, 26.0),
        asphalt=(108, 110, 112),
        surroundings=(96, 120, 128),
        gate=10.5,
    )  # fmt: skip


def _station() -> Site:
    lane = rounded(((-16.0, 0.0), (6.0, 0.0), (34.0, 0.0)))
    return Site(
        name="station",
        lane=lane,
        bays=row_of_bays(lane, "L", 17.0, 7, 1, 2.8) + row_of_bays(lane, "R", 17.0, 7, -1, 2.8),
        cameras=(
            CameraPlace("gate", "gate", (-1.0, 4.8, 3.8), (-8.0, 0.0, 0.6), 0.88, Sensor("plain", noise=12)),
            CameraPlace(
                "platform", "aisle", (25.0, 10.0, 6.2), (10.5, -0.4, 0.0), 0.82,
                Sensor("greenish", white=(0.97, 1.06, 0.96), curve=7, noise=15, quality=78),
            ),
        ),
        lamps=((3.0, -9.0), (16.0, -9.0), (9.0, 9.4), (30.0, 9.4), (-7.0, -5.0)),
        props=(
            Prop("building", (10.0, -19.0), (50.0, 9.0), 6.0, (120, 130, 140)),
            Prop("hedge", (-20.0, -6.0), (2.0, 14.0), 1.3, HEDGE),
            Prop("tree", (-9.0, -9.5), (3.2, 3.2), 4.8, (48, 120, 150)),
            Prop("tree", (29.0, -8.5), (3.8, 3.8), 5.6, (48, 120, 150)),
            Prop("booth", (-3.2, -3.6), (1.8, 1.8), 2.6, (60, 60, 150)),
            Prop("post", (-2.4, -2.1), (0.3, 0.3), 1.1, (200, 200, 60)),
        ),
        edges=(-24.0, -9.0, 40.0, 9.0),
        asphalt=(84, 88, 98),
        surroundings=(110, 128, 132),
        held_out=True,
        gate=10.5,
    )  # fmt: skip


def all_sites() -> Mapping[str, Site]:
    """The sites by name."""
    return {site.name: site for site in (_harbour(), _market(), _station())}
