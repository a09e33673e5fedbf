"""Number plates: a light field with letters of 3 x 5 dots; from afar two dark bars stand for them."""

from collections.abc import Mapping
from typing import Final

from slipway.training.world.optics import Vector
from slipway.training.world.shapes import COARSE, FINE, Side

WIDTH: Final = 0.66
HEIGHT: Final = 0.19
FIELD: Final = (226, 232, 234)
INK: Final = (26, 24, 22)

# Five rows of three dots, the highest bit on the left.
FONT: Final[Mapping[str, str]] = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71317", "4": "55711", "5": "74717", "6": "74757", "7": "71122",
    "8": "75757", "9": "75717", "A": "25755", "B": "65656", "C": "34443", "D": "65556", "E": "74647", "F": "74644",
    "G": "34553", "H": "55755", "J": "11152", "K": "55655", "L": "44447", "M": "57755", "N": "65555", "P": "65644",
    "R": "65655", "S": "34216", "T": "72222", "U": "55557", "V": "55552", "W": "55775", "X": "55255", "Y": "55222",
    "Z": "71247", " ": "00000",
}  # fmt: skip
RUNS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {
    "0": (), "1": ((2, 3),), "2": ((1, 2),), "3": ((1, 3),), "4": ((0, 1),), "5": ((0, 1), (2, 3)), "6": ((0, 2),),
    "7": ((0, 3),),
}  # fmt: skip


def put_plate(side: Side, middle: Vector, text: str, facing: int, scale: float = 1.0) -> None:
    """Mark a front (`facing` 1) or a rear (-1) with a plate around a point."""
    x, y, z = middle
    wide, tall = WIDTH * scale, HEIGHT * scale

    def area(left: float, right: float, low: float, high: float) -> list[Vector]:
        begin, end = y + facing * wide * (left - 0.5), y + facing * wide * (right - 0.5)
        bottom, top = z + tall * (low - 0.5), z + tall * (high - 0.5)
        return [(x, begin, bottom), (x, end, bottom), (x, end, top), (x, begin, top)]

    side.mark(area(-0.02, 1.02, -0.06, 1.06), INK)
    side.mark(area(0.0, 1.0, 0.0, 1.0), FIELD)
    side.mark(area(0.08, 0.42, 0.25, 0.75), INK, COARSE)
    side.mark(area(0.55, 0.92, 0.25, 0.75), INK, COARSE)
    cell = 0.92 / (4 * len(text))
    for position, letter in enumerate(text):
        for row, code in enumerate(FONT[letter]):
            for begin, end in RUNS[code]:
                left = 0.04 + cell * (4 * position + begin)
                low = 0.85 - 0.14 * (row + 1)
                side.mark(area(left, left + cell * (end - begin), low, low + 0.14), INK, FINE)
