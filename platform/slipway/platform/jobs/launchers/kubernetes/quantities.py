"""Amounts as the cluster writes them, and quotas that are exceeded, with by how much."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

UNITS: Final = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9, "T": Decimal(10) ** 12, "P": Decimal(10) ** 15,
    "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30, "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
}  # fmt: skip
_QUANTITY = re.compile(r"^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)(n|u|m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi|)$")
_QUOTA = re.compile(r"exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+)$")
_STEP: Final = 1024


@dataclass(frozen=True)
class Exceeded:
    """One resource of one quota that a request does not fit into."""

    quota: str
    resource: str
    asked: str
    used: str
    limit: str

    @property
    def over(self) -> Decimal:
        """By how much."""
        return number(self.asked) + number(self.used) - number(self.limit)

    @property
    def never(self) -> bool:
        """Whether it would not fit either if nobody else used anything."""
        return number(self.asked) > number(self.limit)

    @property
    def words(self) -> str:
        """For a person."""
        by = shown(self.over, self.resource)
        return (
            f"quota `{self.quota}` has {self.limit} of {self.resource}, {self.used} are used, "
            f"this asks for {self.asked}: {by} too much"
        )


def number(quantity: str) -> Decimal:
    """The amount that is meant; what cannot be read counts as nothing."""
    found = _QUANTITY.match(quantity.strip())
    try:
        return Decimal(found[1]) * UNITS[found[2]] if found else Decimal(0)
    except InvalidOperation:
        return Decimal(0)


def shown(amount: Decimal, resource: str = "") -> str:
    """An amount for a person, with the resource's usual unit."""
    if not any(word in resource for word in ("memory", "storage")):
        return f"{amount.normalize():f}"
    for unit in ("", "Ki", "Mi", "Gi"):
        if abs(amount) < _STEP:
            return f"{round(amount, 1).normalize():f}{unit}"
        amount /= _STEP
    return f"{round(amount, 1).normalize():f}Ti"


def exceeded(message: str) -> tuple[Exceeded, ...]:
    """What a refusal says about a quota; empty if it is about something else."""
    found = _QUOTA.search(message.strip())
    if found is None:
        return ()
    asked, used, limit = (_pairs(found[position]) for position in (2, 3, 4))
    every = (Exceeded(found[1], name, asked[name], used.get(name, "0"), limit.get(name, "0")) for name in asked)
    return tuple(one for one in every if one.over > 0)


def _pairs(text: str) -> dict[str, str]:
    parts = (part.strip().partition("=") for part in text.split(","))
    return {name: value for name, _, value in parts}
