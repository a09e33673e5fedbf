"""A keyed permutation of 0 to count - 1 that gives any position without the others.

A Feistel network permutes the numbers of the next power of two; a number that falls outside is sent through again until
it falls inside, which takes less than two passes on average. So the middle of an epoch over ten million images costs as
much as its beginning, and nothing as long as the epoch is ever held.
"""

from typing import Final

import numpy as np

from slipway.training.reading.philox import HALF, Integers, Words, numbers

ROUNDS: Final = 12
MIX: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))


def permuted(positions: Integers, count: int, key: int) -> Integers:
    """Where each of `positions` goes in the permutation of `count` numbers that `key` names."""
    bits = max(2, (count - 1).bit_length())
    keys = numbers(key, np.arange(ROUNDS))
    values = _network(positions.astype(np.uint64).ravel(), bits, keys)
    outside = np.flatnonzero(values >= count)
    while outside.size:
        values[outside] = _network(values[outside], bits, keys)
        outside = outside[values[outside] >= count]
    return values.astype(np.int64).reshape(positions.shape)


def _network(values: Words, bits: int, keys: Words) -> Words:
    """Permute the numbers below 2**bits: each half is changed by what the other one is, in turns."""
    low_bits = np.uint64(bits - bits // 2)
    low_mask = (np.uint64(1) << low_bits) - np.uint64(1)
    high_mask = (np.uint64(1) << np.uint64(bits // 2)) - np.uint64(1)
    high, low = values >> low_bits, values & low_mask
    for turn in range(0, ROUNDS, 2):
        high ^= _mixed(low, keys[turn]) & high_mask
        low ^= _mixed(high, keys[turn + 1]) & low_mask
    return (high << low_bits) | low


def _mixed(values: Words, key: np.uint64) -> Words:
    """Bits that depend on all bits of value and key; products wrap."""
    mixed = (values ^ key) * MIX[0]
    mixed ^= mixed >> HALF
    mixed *= MIX[1]
    mixed ^= mixed >> HALF
    return mixed
