"""Things that stand on a site and hide what is behind them: buildings, hedges, trees, lamp posts, booths."""

from functools import lru_cache
from typing import Final

from slipway.training.world.drawing import Placed
from slipway.training.world.shapes import GLASS, Mesh, MeshBuilder, block
from slipway.training.world.sites import Prop, Site

BARK: Final = (44, 62, 84)
STEEL: Final = (120, 120, 118)
PANE: Final = (96, 84, 70)
BACKGROUND: Final = ("building", "hedge")
"""What stands at the edge and is drawn before everything else."""


def standing(site: Site, *, background: bool) -> list[Placed]:
    """The things of a site, either those at its edge or those among the vehicles."""
    placed = [
        Placed(_mesh(prop), prop.centre[0], prop.centre[1], (1.0, 0.0), 0)
        for prop in site.props
        if (prop.kind in BACKGROUND) == background
    ]
    if not background:
        placed += [Placed(_lamp_post(), x, y, (1.0, 0.0), 0) for x, y in site.lamps]
    return placed


@lru_cache(maxsize=128)
def _mesh(prop: Prop) -> Mesh:
    builder = MeshBuilder()
    if prop.kind == "tree":
        _tree(builder, prop)
    elif prop.kind == "booth":
        walls = block(0.0, 0.0, prop.size, 0.0, prop.height, prop.colour)
        for side in walls[:4]:
            side.mark(side.inset(0.12, 0.88, 0.42, 0.82), PANE, GLASS)
        builder.part(0, walls)
        builder.part(
            1, block(0.0, 0.0, (prop.size[0] + 0.5, prop.size[1] + 0.5), prop.height, prop.height + 0.18, (88, 88, 90))
        )
    elif prop.kind == "building":
        _building(builder, prop)
    elif prop.kind == "post":
        builder.part(0, block(0.0, 0.0, prop.size, 0.0, prop.height, prop.colour))
        builder.part(1, block(0.0, 0.0, (0.34, 0.34), prop.height * 0.6, prop.height * 0.78, (235, 235, 235)))
    else:
        builder.part(0, block(0.0, 0.0, prop.size, 0.0, prop.height, prop.colour))
    return builder.build()


def _tree(builder: MeshBuilder, prop: Prop) -> None:
    builder.part(0, block(0.0, 0.0, (0.32, 0.32), 0.0, prop.height * 0.5, BARK))
    blue, green, red = prop.colour
    for layer, (share, low, high, tone) in enumerate(
        ((0.8, 0.36, 0.56, 7), (1.0, 0.5, 0.78, 8), (0.62, 0.74, 1.0, 9)), 1
    ):
        size = (prop.size[0] * share, prop.size[1] * share)
        builder.part(
            layer,
            block(
                0.0,
                0.0,
                size,
                prop.height * low,
                prop.height * high,
                (blue * tone // 8, green * tone // 8, red * tone // 8),
            ),
        )


def _building(builder: MeshBuilder, prop: Prop) -> None:
    """Walls in pieces of 6 metres, so that a piece behind the camera takes no other with it."""
    pieces = max(1, int(prop.size[0] / 6.0))
    wide = prop.size[0] / pieces
    for piece in range(pieces):
        x = -prop.size[0] / 2 + wide * (piece + 0.5)
        walls = block(x, 0.0, (wide, prop.size[1]), 0.0, prop.height, prop.colour)
        for side in walls[2:4]:
            for left in (0.12, 0.58):
                for low in (0.18, 0.58):
                    side.mark(side.inset(left, left + 0.3, low, low + 0.26), PANE, GLASS)
        builder.part(0, walls)


@lru_cache(maxsize=1)
def _lamp_post() -> Mesh:
    builder = MeshBuilder()
    builder.part(0, block(0.0, 0.0, (0.16, 0.16), 0.0, 5.6, STEEL))
    builder.part(1, block(0.0, 0.0, (0.5, 0.5), 5.6, 5.8, (200, 220, 230)))
    return builder.build()
