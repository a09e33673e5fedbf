"""Drift and its absence in planted fields: false alarms, misses, single cameras, and what is no drift at all."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from planted.field import LEVELS, NAMES, ROWS, Planted
from slipway.pipelines.watching.drift import Day, Judged, Rules, contrasts, judge
from slipway.serving.edge.telemetry.distributions import Expected

WEEK = 7
RULES = Rules()


def judged(planted: Planted, seed: int, *, first: int = WEEK) -> Judged:
    expected, days = planted.draw(seed)
    return judge(expected, ROWS, days[-WEEK:], days[:first], RULES)


def alarms(planted: Planted, seeds: Sequence[int]) -> int:
    return sum(bool(judged(planted, seed).drift) for seed in seeds)


def test_a_field_in_which_nothing_happens_raises_no_alarm() -> None:
    assert alarms(Planted(), range(15)) == 0


@pytest.mark.parametrize("devices", [1, 3, 12])
def test_a_field_that_moved_far_is_found_whatever_its_size(devices: int) -> None:
    assert alarms(Planted(devices=devices, by=3.5), range(4)) == 4


def test_it_says_which_measures_moved_where_to_and_on_which_devices() -> None:
    drift = judged(Planted(by=4.0), 1).drift
    assert {one.measure for one in drift} == set(NAMES[:2])
    assert set(drift[0].devices) == {"cam-0", "cam-1", "cam-2"}
    assert drift[0].before is not None
    assert abs(drift[0].by) > RULES.floor
    assert abs(drift[0].share - drift[0].before) > RULES.floor / 2


def test_a_camera_that_was_turned_is_no_drift_of_the_field() -> None:
    expected, days = Planted(by=6.0, only=1, apart=0.1, weather=0.1).draw(1)
    found = judge(expected, ROWS, days[-WEEK:], days[:WEEK], Rules(floor=0.1))
    assert not found.drift
    assert {one.devices for one in found.cameras} == {("cam-0",)}


def test_cameras_that_stand_elsewhere_than_the_validation_rows_are_no_drift() -> None:
    """They were so from the first day on; only a field that is mostly elsewhere counts without having moved."""
    far = Planted(by=1.5, since=0)
    assert alarms(far, range(6)) == 0
    assert judged(replace(far, by=6.0), 1, first=0).drift, "there are no first days, and nothing is where it should be"


def test_what_moved_towards_the_reference_is_no_drift() -> None:
    expected, days = Planted(by=4.0, since=10).draw(3)
    assert not judge(expected, ROWS, days[:WEEK], days[-WEEK:], RULES).drift


def test_few_days_are_not_sure_of_what_many_are() -> None:
    drawn = [Planted(by=2.5).draw(seed) for seed in range(4)]
    for expected, days in drawn:
        many, few = (judge(expected, ROWS, days[-count:], days[:count], RULES) for count in (WEEK, 3))
        assert few.moved[0].chance > 3 * many.moved[0].chance
    expected, days = drawn[0]
    assert judge(expected, ROWS, days[-2:], days[:WEEK], RULES).moved == ()


def test_a_busy_camera_counts_no_more_than_the_others() -> None:
    expected, days = Planted(by=4.0, only=1, apart=0.1, weather=0.1).draw(1)
    busy: list[Day] = [
        {
            device: {
                name: [count * (1000 if device == "cam-0" else 1) for count in parts] for name, parts in its.items()
            }
            for device, its in day.items()
        }
        for day in days
    ]
    assert judge(expected, ROWS, busy[-WEEK:], busy[:WEEK], RULES) == judge(
        expected, ROWS, days[-WEEK:], days[:WEEK], RULES
    )


def test_days_that_one_camera_alone_told_of_hide_no_drift_and_are_none() -> None:
    """Cameras differ from each other by more than the field has moved; a release begins on one of them."""
    for seed in range(4):
        expected, days = Planted(by=2.0, apart=1.0, weather=0.2).draw(seed)
        told = judge(expected, ROWS, days[-WEEK:], days[:WEEK], RULES)
        fewer = judge(expected, ROWS, days[-WEEK:], alone(days[:WEEK], (0, WEEK - 1)), RULES)
        assert told.drift
        assert fewer.drift
        assert fewer.moved[0].chance < 10 * told.moved[0].chance
        expected, calm = Planted(apart=1.0, weather=0.2).draw(seed)
        assert not judge(expected, ROWS, alone(calm[-WEEK:], (0, 1, 2)), calm[:WEEK], RULES).drift


def alone(days: Sequence[Day], which: Sequence[int]) -> list[Day]:
    """The same days, some of them told of by one camera only."""
    return [{"cam-0": day["cam-0"]} if number in which else day for number, day in enumerate(days)]


def test_days_without_rows_and_parts_of_another_reference_say_nothing() -> None:
    expected, days = Planted(by=4.0).draw(1)
    foreign: list[Day] = [
        {"cam-0": {name: [50, 50] for name in NAMES}},
        {},
        {"cam-1": {name: [0] * 12 for name in NAMES}},
    ]
    assert judge(expected, ROWS, foreign, days[:WEEK], RULES).moved == ()


def test_a_measure_of_two_values_has_contrasts_that_differ() -> None:
    two = Expected.of(np.array([0.0] * 6 + [1.0] * 5), LEVELS)
    assert two is not None
    found = contrasts(two)
    assert len({(tuple(one.parts), one.sign) for one in found}) == len(found)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("planted", "least", "most"),
    [
        (Planted(devices=1), 0, 0.01),
        (Planted(), 0, 0.01),
        (Planted(devices=30), 0, 0.01),
        (Planted(lasting=0.8), 0, 0.02),
        (Planted(only=1, by=6.0), 0, 0.2),
        (Planted(by=2.0), 0.9, 1),
        (Planted(by=3.0), 0.95, 1),
        (Planted(devices=30, by=2.0), 0.9, 1),
    ],
    ids=["one camera", "three", "thirty", "weather that lasts", "one turned", "2 sd", "3 sd", "2 sd on thirty"],
)
def test_how_often_it_is_wrong(planted: Planted, least: float, most: float) -> None:
    tries = 200 if planted.devices < 30 else 60
    share = alarms(planted, range(100, 100 + tries)) / tries
    assert least <= share <= most + 2 / tries, f"{share:.1%} of {tries}"
