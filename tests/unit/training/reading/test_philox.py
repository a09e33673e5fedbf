"""Counter-based numbers: the published ones, and functions of their key and counter alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.training.reading.philox import key_of, numbers, philox, uniform

WORD = st.integers(0, 2**32 - 1)
KEY = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        pytest.param([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8], id="zeros"),
        pytest.param([2**32 - 1] * 4, [2**32 - 1] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD], id="ones"),
        pytest.param(
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
            id="pi",
        ),
    ],
)
def test_the_numbers_are_those_that_the_authors_of_philox_publish(
    counter: list[int], key: list[int], expected: list[int]
) -> None:
    first, second = (np.array([word], np.uint64) for word in key)
    found = philox([np.array([word], np.uint64) for word in counter], (first, second))
    assert [int(word[0]) for word in found] == expected


@given(key=KEY, counters=st.lists(WORD, min_size=1, max_size=20), draw=WORD)
def test_a_number_does_not_depend_on_what_is_asked_beside_it(key: int, counters: list[int], draw: int) -> None:
    together = numbers(key, np.array(counters), draw)
    assert [int(numbers(key, np.array([counter]), draw)[0]) for counter in counters] == together.tolist()


def test_uniform_numbers_fill_the_interval_evenly_without_its_end() -> None:
    found = uniform(key_of(0, "test"), np.arange(20_000))
    assert found.min() >= 0
    assert found.max() < 1
    counts = np.histogram(found, bins=20, range=(0, 1))[0]
    assert abs(counts - 1000).max() < 200


def test_keys_differ_by_seed_purpose_and_number() -> None:
    keys = {key_of(seed, purpose, number) for seed in (0, 1) for purpose in ("a", "b") for number in (0, 1)}
    assert len(keys) == 8
