"""When a device looks at its channel."""

import random

from hypothesis import given
from hypothesis import strategies as st

from slipway.serving.edge.configuration import Polling
from slipway.serving.edge.polling import next_wait

POLLING = Polling(every_s=300, spread=0.2, longest_s=3600)
chances = st.floats(0, 1, exclude_max=True)


@given(chances)
def test_after_a_good_look_the_wait_is_the_usual_one_a_little_longer_or_shorter(drawn: float) -> None:
    assert 240 <= next_wait(POLLING, 0, drawn) <= 360


@given(st.integers(1, 10_000), chances)
def test_failures_double_the_wait_up_to_a_longest(failures: int, drawn: float) -> None:
    whole = min(3600, 300 * 2 ** min(failures - 1, 10))
    assert whole / 2 <= next_wait(POLLING, failures, drawn) <= whole


@given(st.integers(1, 100))
def test_a_device_that_looks_seldom_does_not_look_more_often_when_looks_fail(failures: int) -> None:
    seldom = Polling(every_s=86_400, longest_s=3600)
    assert next_wait(seldom, failures, 0.0) == 86_400


def test_devices_that_started_together_do_not_look_together() -> None:
    draw = random.Random(0).random
    looks = [next_wait(POLLING, 0, draw()) for _ in range(1000)]
    busiest = max(sum(start <= look < start + 1 for look in looks) for start in range(240, 360))
    assert busiest < 40  # of a thousand, in one second
