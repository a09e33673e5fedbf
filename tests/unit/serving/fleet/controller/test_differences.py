"""What devices changed by is said of devices that can be compared with something."""

import numpy as np

from slipway.serving.fleet.controller.differences import differences
from slipway.serving.fleet.controller.evidence import Rows


def rows(*, before: bool) -> Rows:
    """Ten devices that all have the release, in one hour; and that hour of the day before, where it is known."""
    each, count = np.arange(10), 20 if before else 10
    device = np.concatenate([each, each])[-count:]
    after = np.concatenate([np.zeros(10), np.ones(10)])[-count:] > 0
    ones, none = np.ones(count), np.zeros(count)
    return Rows(
        device=device, slot=np.where(after, 48, 24), night=none > 0, after=after, treated=after, decisions=ones * 100,
        failed=none, duration=ones * 0.4, divergence=none, seconds=ones * 3600,
    )  # fmt: skip


def test_who_has_nothing_to_be_compared_with_says_nothing() -> None:
    classes = np.zeros(10, np.int64)
    known, unknown = (
        differences(one, one.duration, one.decisions, classes) for one in (rows(before=True), rows(before=False))
    )
    assert np.allclose(known.value, 0)
    assert not np.isfinite(unknown.value).any()
