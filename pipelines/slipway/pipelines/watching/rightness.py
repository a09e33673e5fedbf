"""Whether a release is right in the field as often as it was at the gate: a pure function over told outcomes.

`slipway fleet tell` says of decisions what they should have been. Days are the unit, as in `deviating`, here with as
many decisions as each has; and what the gate measured is known to its own interval. Whoever tells only what went wrong
makes every release look bad: told must be what was looked at, whatever it turned out to be.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slipway.pipelines.watching.deviating import ALIKE, BEFOREHAND, USUAL, chance

MEASURED: Final = ("accuracy", "rank-1")
"""Metrics that are the share of right decisions, the first one that was measured counts."""
LEAST: Final = 50
"""Decisions."""
FEWEST: Final = 3
"""Days."""
INTERVAL: Final = 1.96


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the gate measured."""

    metric: str
    value: float
    error: float
    """Its standard error."""


@dataclass(frozen=True, kw_only=True)
class Right:
    """How often decisions were right, and how sure it is that this is worse than at the gate."""

    right: int
    known: int
    days: int
    gate: Measured
    chance: float
    """Of so few by luck, if it were only worse by the floor; 1 where too little is known."""
    worse: bool

    @property
    def share(self) -> float:
        """Of those known."""
        return self.right / self.known


def measured_in(judgement: Mapping[str, Any]) -> Measured | None:
    """What an evaluation says of the share of right decisions; None where it says nothing that can be compared."""
    overall = judgement.get("overall", {})
    for metric in MEASURED:
        found = overall.get(metric) or {}
        value, low, high = (found.get(name) for name in ("value", "low", "high"))
        if isinstance(value, int | float):
            wide = (high - low) / 2 if isinstance(low, int | float) and isinstance(high, int | float) else 0.0
            return Measured(metric=metric, value=float(value), error=wide / INTERVAL)
    return None


def judge_right(days: Sequence[tuple[int, int]], gate: Measured, *, floor: float, false_alarms: float) -> Right | None:
    """`days` are right and known decisions of each; None where nobody told anything."""
    told = [(right, known) for right, known in days if known]
    right, known = sum(one for one, _ in told), sum(many for _, many in told)
    if not known:
        return None
    found = 1.0
    if known >= LEAST and len(told) >= FEWEST:
        found = _chance(told, right / known, gate, floor)
    return Right(right=right, known=known, days=len(told), gate=gate, chance=found, worse=found <= false_alarms)


def _chance(told: Sequence[tuple[int, int]], share: float, gate: Measured, floor: float) -> float:
    """The spread is that of the days around their common share, but no less than counting alone brings."""
    count, known = len(told), sum(many for _, many in told)
    mean = known / count
    squares = math.fsum(((right - share * many) / mean) ** 2 for right, many in told)
    freedom = count - 1 + BEFOREHAND
    between = ALIKE * (squares + BEFOREHAND * USUAL**2) / freedom / count
    counted = (share * (1 - share) + 1 / known) / known
    error = math.sqrt(max(between, counted) + gate.error**2)
    return chance((gate.value - floor - share) / error, freedom)
