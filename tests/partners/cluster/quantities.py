"""Amounts of resources, such as `500m`, `2Gi` or `1e3`."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

SUFFIXES: Final = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}  # fmt: skip
PATTERN: Final = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$")
REGULAR: Final = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"


def amount(text: object) -> Decimal:
    """The number that it stands for; ValueError for what is none."""
    match = PATTERN.match(str(text))
    if match is None:
        raise ValueError(f"quantities must match the regular expression '{REGULAR}'")
    number, end = match.groups()
    if end and end[0] in "eE" and end[1:]:
        return Decimal(number + end)
    return Decimal(number) * SUFFIXES[end or ""]


def written(value: Decimal, like: str = "") -> str:
    """A number as a server writes it: in the binary unit of `like` where it fits, in thousandths where it must."""
    if match := re.search(r"[KMGTPE]i$", like):
        unit = SUFFIXES[match.group()]
        if value and value % unit == 0:
            return f"{int(value / unit)}{match.group()}"
        for letter in "EPTGMK":
            if value and value % SUFFIXES[f"{letter}i"] == 0:
                return f"{int(value / SUFFIXES[f'{letter}i'])}{letter}i"
    if value == value.to_integral_value():
        return str(int(value))
    return f"{int(value * 1000)}m"


def total(amounts: list[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    """The sum, resource by resource."""
    names = {name for one in amounts for name in one}
    return {name: sum((one.get(name, Decimal(0)) for one in amounts), Decimal(0)) for name in names}
