"""What a sweep may spend: how much of its budget the next trial may have, or that it may not start.

What the trials that ended cost, and what each that runs may cost at most, never come to more than the budget. A trial
starts only with as much as such trials took before; beyond that, what is free is shared among those that run at once.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

from slipway.platform.telling import money

SMALLEST: Final = Decimal("0.0001")


@dataclass(frozen=True)
class Purse:
    """A budget, and what of it is gone or promised."""

    budget: Decimal
    held: Decimal
    """What the trials that ended cost, and what those that run may cost."""
    need: Decimal = Decimal(0)
    """What a trial is expected to cost; nothing where that is not known."""

    @property
    def free(self) -> Decimal:
        """What nobody has."""
        return self.budget - self.held

    def limit(self, places: int) -> Decimal | None:
        """What the next trial may cost, where so many are to start beside one another; None if it may not start."""
        if self.need > self.free:
            return None
        share = max(self.need, self.free / max(1, places))
        rounded = share.quantize(SMALLEST, ROUND_DOWN)
        return rounded if rounded > 0 else None

    def told(self, currency: str) -> str:
        """Why no trial starts."""
        needed = f"; a trial is expected to cost up to {money(self.need, currency)}" if self.need else ""
        held = f"{money(self.held, currency)} of the budget of {money(self.budget, currency)}"
        return f"{held} are spent or promised{needed}."
