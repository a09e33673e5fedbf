"""Random numbers that are a function of a key and a counter: Philox 4x32 with ten rounds, for whole arrays.

Nothing here has a state, so a number can be had for any step and sample without the ones before it, in any thread and
in any order. numpy's generators promise no equal numbers between versions; this does, and published vectors hold it.
"""

import hashlib
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint64]
"""Unsigned numbers below 2**32, kept in 64 bits so that products do not overflow."""
Integers: TypeAlias = npt.NDArray[np.int64]

MASK: Final = np.uint64(0xFFFFFFFF)
HALF: Final = np.uint64(32)
ROUNDS: Final = 10
MULTIPLIERS: Final = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
STEPS: Final = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))


def key_of(seed: int, purpose: str, number: int = 0) -> int:
    """A key of 64 bits; what is drawn for one purpose tells nothing of another's."""
    return int.from_bytes(hashlib.sha256(f"{purpose}/{seed}/{number}".encode()).digest()[:8], "big")


def numbers(keys: int | Words, *counter: int | Integers | Words) -> Words:
    """64 random bits for each key and counter of up to three numbers below 2**32; arrays are broadcast."""
    key = np.asarray(keys, np.uint64)
    parts = [np.asarray(part, np.uint64) for part in (*counter, 0, 0, 0, 0)[:4]]
    first, second, _, _ = philox(parts, (key & MASK, key >> HALF))
    return (first << HALF) | second


def uniform(keys: int | Words, *counter: int | Integers | Words) -> npt.NDArray[np.float64]:
    """The same as numbers from 0 to 1, without 1."""
    return (numbers(keys, *counter) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def philox(counter: list[Words], key: tuple[Words, Words]) -> tuple[Words, Words, Words, Words]:
    """The function itself, as its authors publish it."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        left, right = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        a, b, c, d = (right >> HALF) ^ b ^ k0, right & MASK, (left >> HALF) ^ d ^ k1, left & MASK
        k0, k1 = (k0 + STEPS[0]) & MASK, (k1 + STEPS[1]) & MASK
    return a, b, c, d
