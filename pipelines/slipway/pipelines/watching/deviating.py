"""How sure it is that a mean over days lies beyond a limit: Student's t with a little knowledge beforehand.

The unit is a day of the whole fleet, never a frame: frames of one camera are nearly the same picture, cameras of one
site see the same weather, and so a thousand frames of one day say hardly more than the day. What single cameras are
like does not enter the spread: these devices are the field, and not a draw from others.

Few days tell little about their own spread, and three that happen to be alike would look very sure. So the spread is
drawn towards `USUAL`, which counts for as much as `BEFOREHAND` days.
"""

import math
from collections.abc import Sequence
from typing import Final

from slipway.serving.fleet.controller.sequential import z_of

USUAL: Final = 0.05
"""Standard deviation of a share from day to day that nobody has to wonder about."""
BEFOREHAND: Final = 3.0
ALIKE: Final = 3.0
"""So many days in a row say as much as one that has nothing to do with the others: weather lasts, and so do road works.
It is that of days of which each is half like the one before."""


def beyond(days: Sequence[float], limit: float, *, extra: float = 0.0) -> float:
    """The chance of days that lie above the limit as far as these, if they did not; `extra` is another variance."""
    count = len(days)
    mean = math.fsum(days) / count
    variance, freedom = _moderated(_squares(days, mean), count - 1)
    return chance((mean - limit) / math.sqrt(ALIKE * variance / count + extra), freedom)


def apart(days: Sequence[float], before: Sequence[float], limit: float) -> float:
    """The same of the difference from other days."""
    first, second = math.fsum(days) / len(days), math.fsum(before) / len(before)
    squares = _squares(days, first) + _squares(before, second)
    variance, freedom = _moderated(squares, len(days) + len(before) - 2)
    error = math.sqrt(ALIKE * variance * (1 / len(days) + 1 / len(before)))
    return chance((first - second - limit) / error, freedom)


def chance(t: float, freedom: float) -> float:
    """Of a value of Student's t at least as high."""
    return 0.5 * math.erfc(z_of(t, freedom) / math.sqrt(2))


def _squares(days: Sequence[float], mean: float) -> float:
    return math.fsum((one - mean) ** 2 for one in days)


def _moderated(squares: float, freedom: float) -> tuple[float, float]:
    known = freedom + BEFOREHAND
    return (squares + BEFOREHAND * USUAL**2) / known, known
