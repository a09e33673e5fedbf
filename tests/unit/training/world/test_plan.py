"""Who is recorded where and when; and how they drive."""

from collections import defaultdict
from itertools import islice, pairwise

import pytest

from slipway.platform.errors import WrongUse
from slipway.training.world.chance import Chance
from slipway.training.world.fleet import build_fleet
from slipway.training.world.places import all_sites
from slipway.training.world.scenarios import scenario_of
from slipway.training.world.sessions import Session, plan
from slipway.training.world.stream import camera
from slipway.training.world.traffic import Pose, simulate


@pytest.fixture(scope="module")
def baseline() -> tuple[Session, ...]:
    return plan(scenario_of("baseline"))


def test_a_held_out_site_and_camera_are_recorded_on_test_days_only(baseline: tuple[Session, ...]) -> None:
    held_out = {
        (session.site.name, place.name, session.split)
        for session in baseline
        for place in session.cameras
        if session.site.held_out or place.held_out
    }
    assert {(site, name) for site, name, _ in held_out} == {
        ("station", "gate"),
        ("station", "platform"),
        ("market", "exit"),
    }
    assert {split for *_, split in held_out} == {"test"}


def test_the_vehicles_of_a_held_out_site_come_nowhere_else(baseline: tuple[Session, ...]) -> None:
    places = defaultdict(set)
    for session in baseline:
        for vehicle in session.vehicles:
            places[vehicle.identity].add(session.site.held_out)
            assert vehicle.split == session.split
    assert all(len(found) == 1 for found in places.values())


def test_vehicles_come_back_on_other_days(baseline: tuple[Session, ...]) -> None:
    days = defaultdict(set)
    for session in baseline:
        for vehicle in session.vehicles:
            days[vehicle.identity].add(session.day)
    again = [name for name, found in days.items() if len(found) > 1]
    assert len(again) > 0.8 * len(days)


def test_every_split_has_every_light_and_weather(baseline: tuple[Session, ...]) -> None:
    for split in ("train", "validation", "test"):
        shown = [session.light for session in baseline if session.split == split]
        assert {light.name for light in shown} == {"day", "dusk", "night"}
        assert {light.weather for light in shown} == {"clear", "overcast", "rain", "fog"}


@pytest.mark.parametrize("name", ["harbour", "market", "station"])
def test_vehicles_in_the_lane_keep_their_distance_and_get_where_they_want(name: str) -> None:
    site, fleet = all_sites()[name], build_fleet(Chance(8), "t", 14)
    steps = simulate(site, fleet, Chance(8, name), 120.0)
    for poses in steps:
        for one, other in pairs(poses):
            distance = (one.x - other.x) ** 2 + (one.y - other.y) ** 2
            assert distance > 2.0, f"{name}: {one} and {other} are in one place"
    parked = {pose.vehicle for pose in steps[-1] if pose.parked}
    left = {pose.vehicle for pose in steps[0]} - {pose.vehicle for pose in steps[-1]}
    arrived = parked - {pose.vehicle for pose in steps[0]}
    assert arrived
    assert left


def test_nobody_jumps(baseline: tuple[Session, ...]) -> None:
    session = baseline[0]
    for before, after in pairwise(simulate(session.site, session.vehicles, session.chance.of("traffic"), 60.0)):
        places = {pose.vehicle: pose for pose in before}
        for pose in after:
            if (old := places.get(pose.vehicle)) is not None:
                assert (pose.x - old.x) ** 2 + (pose.y - old.y) ** 2 < 4.0


def test_a_camera_streams_beyond_the_end_of_the_plan() -> None:
    sessions = len([one for one in plan(scenario_of("tiny")) if one.site.name == "harbour"])
    frames = list(islice(camera("tiny", "harbour", "gate", every=25.0), 2 * sessions + 1))
    assert [frame.number for frame in frames] == list(range(2 * sessions + 1))
    assert frames[0].day == frames[-1].day
    assert frames[0].picture.shape == (240, 320, 3)
    assert (frames[0].picture != frames[-1].picture).any()


def test_a_stream_of_an_unknown_camera_names_those_that_are() -> None:
    with pytest.raises(WrongUse, match="harbour/gat"):
        camera("tiny", "harbour", "gat")


def pairs(poses: tuple[Pose, ...]) -> list[tuple[Pose, Pose]]:
    return [(one, other) for index, one in enumerate(poses) for other in poses[index + 1 :]]
