"""Whether a release on probation does well: a pure judgement of what was observed."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Rules:
    """How long a release is watched, and what it may not do meanwhile."""

    seconds: float = 1800.0
    """The least time on probation."""
    sample: int = 200
    """The least number of answers before shares and distributions say anything."""
    longest: float = 24 * 3600.0
    """It settles then, where there was too little work to judge by."""
    every: float = 30.0
    """Seconds from one look at it to the next."""
    errors: float = 0.02
    """The share of requests that may fail."""
    slower: float = 3.0
    """How many times its proof's latency it may take, where that is a good part of the budget as well."""
    divergence: float = 0.5
    """How far a distribution may be from `reference.json` (0 the same, 1 nothing in common)."""
    crashes: int = 3
    """Starts of the process that may end without being asked to."""


RULES: Final = Rules()
