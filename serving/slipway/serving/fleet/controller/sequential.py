"""Tests that stay valid however often they are looked at.

An e-value is what a bet against a hypothesis has come to. While the hypothesis holds it is rarely ever large: that it
reaches 1/alpha at any look at all has a probability of at most alpha. So a rollout may be looked at every minute.

`normal_e` bets on an estimate by a half-normal mixture over effects of the size of the limit. It is exact for
estimates whose information grows as that of efficient ones does, and otherwise as good as the normal approximation of
a mean over devices; few devices are paid for by Student's t. `share_e` is exact for events that come one by one.
"""

import math

LARGEST_LOG = 700.0
"""Beyond it an e-value is told as if it were this."""


def normal_e(z: float, ratio: float) -> float:
    """Logarithm of the e-value for an effect above 0 that is `z` standard errors large.

    `ratio` is the mixture's variance over that of the estimate.
    """
    drawn = z * math.sqrt(ratio / (1 + ratio))
    inside = 0.5 * math.erfc(-drawn / math.sqrt(2))
    if inside <= 0:
        return -LARGEST_LOG
    return min(math.log(2 * inside) + drawn * drawn / 2 - 0.5 * math.log1p(ratio), LARGEST_LOG)


def normal_bound(alpha: float, ratio: float) -> float:
    """How many standard errors an effect must be away for its e-value to reach 1/alpha."""
    return math.sqrt(2 * (1 + ratio) / ratio * (math.log(1 / alpha) + 0.5 * math.log1p(ratio)))


def z_of(t: float, freedom: float) -> float:
    """The normal deviate that is as rare as this one of Student's t (Wallace's approximation)."""
    size = math.sqrt(freedom * math.log1p(t * t / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return math.copysign(size, t)


def t_of(z: float, freedom: float) -> float:
    """The other way round."""
    scaled = z * (8 * freedom + 3) / (8 * freedom + 1)
    exponent = min(scaled * scaled / freedom, LARGEST_LOG)
    return math.copysign(math.sqrt(freedom * math.expm1(exponent)), z)


def share_e(happened: int, of: int, share: float) -> float:
    """Logarithm of the e-value against events having this probability, by a uniform mixture over all others.

    It speaks for more or for fewer: `happened / of` says which.
    """
    missed = of - happened
    if (happened and share <= 0) or (missed and share >= 1):
        return LARGEST_LOG
    if of == 0 or not 0 < share < 1:
        return 0.0
    mixed = math.lgamma(happened + 1) + math.lgamma(missed + 1) - math.lgamma(of + 2)
    return min(mixed - happened * math.log(share) - missed * math.log1p(-share), LARGEST_LOG)
