"""The vehicles that visit: an identity is type, dimensions, colour, decals, dents and number plate.

Some are near-twins on purpose: the same type, size and colour as another one, told apart by a decal, a dent or the
plate. A vehicle's split follows from its name, and it comes only on days of that split.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from slipway.platform.data.splits import split_of
from slipway.training.world.chance import Chance

Colour = tuple[int, int, int]
"""Blue, green, red: the order in which OpenCV draws."""

PAINTS: Final[Mapping[str, Colour]] = {
    "white": (225, 228, 230),
    "silver": (176, 174, 170),
    "grey": (104, 102, 98),
    "black": (38, 36, 35),
    "red": (40, 38, 176),
    "blue": (158, 84, 38),
    "sky": (205, 160, 92),
    "green": (72, 104, 44),
    "yellow": (52, 188, 226),
    "orange": (38, 112, 222),
    "brown": (46, 66, 98),
    "burgundy": (48, 26, 92),
}
DECAL_COLOURS: Final[tuple[Colour, ...]] = (
    (40, 40, 200), (200, 90, 30), (60, 170, 60), (40, 200, 240), (235, 235, 235), (30, 30, 30), (190, 60, 160),
)  # fmt: skip
DECALS: Final = ("stripe", "band", "badge", "bonnet", "roof", "checks")
RACKS: Final = ("none", "none", "none", "rails", "box", "sign")
LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"


@dataclass(frozen=True)
class Kind:
    """A type of body: its category for a detector, its middle dimensions, and how often it comes."""

    category: str
    length: float
    width: float
    height: float
    share: int


KINDS: Final[Mapping[str, Kind]] = {
    "hatchback": Kind("car", 4.0, 1.75, 1.48, 20),
    "saloon": Kind("car", 4.65, 1.80, 1.45, 17),
    "estate": Kind("car", 4.70, 1.80, 1.50, 12),
    "suv": Kind("car", 4.60, 1.88, 1.72, 16),
    "van": Kind("van", 5.10, 1.95, 2.15, 13),
    "pickup": Kind("van", 5.20, 1.90, 1.80, 8),
    "lorry": Kind("lorry", 6.30, 2.20, 2.90, 8),
    "motorcycle": Kind("motorcycle", 2.10, 0.75, 1.20, 6),
}
TWIN_SHARE: Final = 0.18


@dataclass(frozen=True)
class Decal:
    """A mark of another colour, at a place that its pattern understands: 0 to 1 along the side."""

    pattern: str
    colour: Colour
    place: float


@dataclass(frozen=True)
class Dent:
    """A dark spot on one side: 1 left, -1 right; its middle from 0 to 1 along and up."""

    side: int
    along: float
    up: float
    size: float


@dataclass(frozen=True)
class Vehicle:
    """One individual."""

    identity: str
    split: str
    body: str
    length: float
    width: float
    height: float
    colour: str
    shade: float
    decals: tuple[Decal, ...]
    dents: tuple[Dent, ...]
    plate: str
    rack: str
    hub: int
    twin_of: str | None = None

    @property
    def category(self) -> str:
        """What a detector calls it."""
        return KINDS[self.body].category

    @property
    def paint(self) -> Colour:
        """Its own tone of its colour."""
        blue, green, red = (min(255, int(part * self.shade)) for part in PAINTS[self.colour])
        return blue, green, red


def build_fleet(chance: Chance, prefix: str, count: int, kinds: Mapping[str, int] | None = None) -> tuple[Vehicle, ...]:
    """So many vehicles; `kinds` may say how many shares each type has instead of the usual ones."""
    shares = kinds or {name: kind.share for name, kind in KINDS.items()}
    row = [name for name, share in shares.items() for _ in range(share)]
    vehicles: list[Vehicle] = []
    for number in range(count):
        one = chance.of("vehicle", number)
        made = _single(one, f"{prefix}-{number:04d}", row)
        elder = [old for old in vehicles if old.split == made.split and old.twin_of is None]
        if elder and one.happens(TWIN_SHARE):
            made = _twin(one, made, one.pick(elder[-12:]))
        vehicles.append(made)
    return tuple(vehicles)


def rebodied(vehicle: Vehicle, body: str) -> Vehicle:
    """The same individual with a body of another type."""
    kind = KINDS[body]
    return replace(vehicle, body=body, length=kind.length, width=kind.width, height=kind.height)


def _single(chance: Chance, identity: str, row: list[str]) -> Vehicle:
    body = chance.pick(row)
    kind = KINDS[body]
    size = chance.between(0.94, 1.06)
    return Vehicle(
        identity=identity,
        split=split_of(identity),
        body=body,
        length=kind.length * size,
        width=kind.width * chance.between(0.97, 1.03),
        height=kind.height * chance.between(0.95, 1.06),
        colour=chance.pick([*PAINTS, "white", "silver", "grey", "black"]),
        shade=chance.between(0.84, 1.12),
        decals=_decals(chance) if chance.happens(0.45) else (),
        dents=tuple(_dent(chance) for _ in range(chance.whole(3))),
        plate=_plate(chance),
        rack=chance.pick(RACKS),
        hub=chance.whole(4),
    )


def _twin(chance: Chance, made: Vehicle, elder: Vehicle) -> Vehicle:
    """As the elder, but for its plate and one mark."""
    twin = replace(elder, identity=made.identity, plate=made.plate, twin_of=elder.identity)
    if chance.happens(0.5):
        return replace(twin, dents=(_dent(chance),))
    return replace(twin, decals=_decals(chance))


def _decals(chance: Chance) -> tuple[Decal, ...]:
    count = 1 + chance.whole(2)
    return tuple(
        Decal(pattern, chance.pick(DECAL_COLOURS), chance.between(0.2, 0.8))
        for pattern in chance.shuffled(DECALS)[:count]
    )


def _dent(chance: Chance) -> Dent:
    return Dent(chance.pick((1, -1)), chance.between(0.15, 0.85), chance.between(0.3, 0.7), chance.between(0.08, 0.2))


def _plate(chance: Chance) -> str:
    letters = "".join(chance.pick(LETTERS) for _ in range(3))
    return f"{letters} {chance.whole(900) + 100}"
