"""Tests that may be looked at all the time keep what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.serving.fleet.controller.sequential import normal_bound, normal_e, share_e, t_of, z_of

ALPHA = 0.05


def test_who_looks_after_every_number_is_seldom_wrong() -> None:
    draw = np.random.default_rng(7)
    looks = np.arange(1, 1001)
    means = np.cumsum(draw.normal(size=(400, 1000)), axis=1) / looks
    wrong_always, wrong_naive = 0, 0
    for path in means:
        z = path * np.sqrt(looks)
        wrong_always += any(normal_e(float(one), 0.02 * n) >= -math.log(ALPHA) for n, one in enumerate(z, 1))
        wrong_naive += bool((z > 1.645).any())
    assert wrong_always / 400 <= ALPHA
    assert wrong_naive / 400 > 3 * ALPHA  # what looking so often costs a test that is made for one look


def test_an_effect_is_found_in_time() -> None:
    draw = np.random.default_rng(8)
    looks = np.arange(1, 2001)
    z = np.cumsum(draw.normal(0.2, 1, size=(100, 2000)), axis=1) / np.sqrt(looks)
    found = sum(any(normal_e(float(one), 0.02 * n) >= -math.log(ALPHA) for n, one in enumerate(path, 1)) for path in z)
    assert found == 100


def test_shares_are_seldom_wrong_either() -> None:
    draw = np.random.default_rng(9)
    wrong = 0
    for _ in range(300):
        events = np.cumsum(draw.random(600) < 0.05)
        wrong += any(share_e(int(k), n, 0.05) >= -math.log(ALPHA) for n, k in enumerate(events, 1))
    assert wrong / 300 <= ALPHA


@given(st.floats(-30, 30), st.floats(1, 500))
def test_t_and_normal_deviates_lead_back_to_each_other(t: float, freedom: float) -> None:
    assert t_of(z_of(t, freedom), freedom) == pytest.approx(t, abs=1e-6, rel=1e-6)


@given(st.floats(1, 40), st.floats(1, 500))
def test_few_devices_make_nothing_surer(t: float, freedom: float) -> None:
    assert z_of(t, freedom) < t


@given(st.floats(1e-6, 0.2), st.floats(1e-3, 1e4))
def test_beyond_the_bound_there_is_enough_evidence(alpha: float, ratio: float) -> None:
    assert normal_e(normal_bound(alpha, ratio), ratio) >= -math.log(alpha) - 1e-9


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e6))
def test_evidence_is_always_a_number(z: float, ratio: float) -> None:
    assert math.isfinite(normal_e(z, ratio))


def test_what_may_never_happen_is_shown_by_once() -> None:
    assert share_e(1, 1, 0.0) > 100
    assert share_e(0, 100, 0.0) == 0
    assert share_e(0, 0, 0.5) == 0
