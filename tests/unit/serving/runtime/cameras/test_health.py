"""How a camera is, judged on planted sequences: what is told, when, and what must not be told."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice

import numpy as np
import numpy.typing as npt
import pytest

from slipway.serving.runtime.cameras.health import Known, Limits, judge, look_at
from slipway.serving.runtime.source import CameraState
from slipway.training.world.scenarios import scenario_of
from slipway.training.world.sessions import plan
from slipway.training.world.stream import _frames

Pixels = npt.NDArray[np.uint8]
LIMITS = Limits()
GRAIN = np.random.default_rng(0).standard_normal(240 * 320, np.float32)
WELL, FROZEN, BLACK, MOVED = CameraState.WELL, CameraState.FROZEN, CameraState.BLACK, CameraState.MOVED


@lru_cache
def scene(light: str, site: str = "harbour", camera: int = 0, number: int = 0) -> Pixels:
    """A rendered picture."""
    session = next(one for one in plan(scenario_of("tiny")) if one.site.name == site and one.light.name == light)
    frames = _frames([session], list(session.cameras)[camera], 10)
    picture = next(islice(frames, number, None)).picture
    return np.ascontiguousarray(picture[..., ::-1])


def noise(picture: Pixels, number: int, sigma: float) -> Pixels:
    """Another moment of a scene in which nothing moves."""
    grain = np.roll(GRAIN, 7919 * number).reshape(240, 320, 1)
    return (picture + sigma * grain + np.float32(0.5)).clip(0, 255).astype(np.uint8)


def states(pictures: Iterable[Pixels], known: Known | None = None, every: float = 0.5) -> Iterator[tuple[float, Known]]:
    """What is known after each picture."""
    known = known or Known()
    begin = known.last + every
    for number, picture in enumerate(pictures):
        known = judge(known, look_at(picture, begin + number * every), LIMITS)
        yield begin + number * every, known


def after(pictures: Iterable[Pixels], known: Known | None = None) -> Known:
    *_, (_, last) = states(pictures, known)
    return last


def seen(pictures: Iterable[Pixels], known: Known | None = None) -> list[CameraState]:
    """The states, each once in a row."""
    found: list[CameraState] = []
    for _, one in states(pictures, known):
        if not found or found[-1] is not one.state:
            found.append(one.state)
    return found


def quiet(picture: Pixels, count: int, sigma: float = 1.5, first: int = 0) -> Iterator[Pixels]:
    return (noise(picture, first + number, sigma) for number in range(count))


@pytest.mark.parametrize("light", ["day", "night"])
@pytest.mark.parametrize("sigma", [0.6, 3.0])
def test_a_quiet_scene_is_well_by_day_and_at_night(light: str, sigma: float) -> None:
    assert seen(quiet(scene(light), 150, sigma)) == [WELL]


def test_traffic_is_well() -> None:
    pictures = [scene("day", number=number) for number in range(4)]
    assert seen(noise(pictures[number % 4], number, 1.0) for number in range(60)) == [WELL]


def test_the_same_picture_is_frozen_after_its_time_and_not_before() -> None:
    known = after(quiet(scene("day"), 20))
    picture = noise(scene("day"), 1000, 1.5)
    changes = [(at, one) for at, one in states([picture] * 60, known) if one.state is FROZEN]
    assert LIMITS.frozen_after <= changes[0][0] - known.last <= LIMITS.frozen_after + 1
    assert "the same for 15 s" in changes[0][1].detail
    assert seen(quiet(scene("day"), 20), changes[-1][1]) == [FROZEN, WELL]


def test_a_clock_in_the_corner_does_not_thaw_a_frozen_picture() -> None:
    def with_clock(number: int) -> Pixels:
        picture = scene("day").copy()
        picture[4:10, 4:40] = np.random.default_rng(number).integers(0, 256, (6, 36, 3))
        return picture

    assert after(with_clock(number) for number in range(60)).state is FROZEN


def test_a_covered_lens_is_black_and_a_dark_night_is_not() -> None:
    known = after(quiet(scene("night"), 20))
    covered = np.full((240, 320, 3), 8, np.uint8)
    assert seen(quiet(covered, 40, 4.0), known) == [WELL, BLACK]
    dark = (scene("night").astype(np.float32) * 0.35).astype(np.uint8)
    assert seen(quiet(dark, 60, 1.0)) == [WELL]


def test_one_black_moment_changes_nothing() -> None:
    known = after(quiet(scene("day"), 20))
    black = [np.zeros((240, 320, 3), np.uint8)] * 6
    assert seen([*black, *quiet(scene("day"), 40)], known) == [WELL]


@pytest.mark.parametrize("share", [0.06, 0.12, 0.4])
def test_a_turned_camera_is_moved_and_well_when_it_is_turned_back(share: float) -> None:
    picture = scene("day")
    known = after(quiet(picture, 20))
    turned = np.roll(picture, round(share * picture.shape[1]), axis=1)
    moved = after(quiet(turned, 80), known)
    assert moved.state is MOVED
    assert "the view is" in moved.detail
    assert seen(quiet(picture, 40), moved) == [MOVED, WELL]


def test_another_view_is_moved() -> None:
    known = after(quiet(scene("day"), 20))
    assert seen(quiet(scene("day", camera=1), 80), known) == [WELL, MOVED]


def test_a_lorry_that_passes_is_no_moved_camera() -> None:
    picture = scene("day")
    known = after(quiet(picture, 20))

    def passing(number: int) -> Pixels:
        """A wall of metal through most of the picture in twelve seconds."""
        found = picture.copy()
        right = number * 28
        found[40:240, max(0, right - 260) : max(0, right)] = (180, 178, 170)
        return noise(found, number, 1.5)

    assert seen((passing(number) for number in range(60)), known) == [WELL]


def test_a_lorry_that_parks_before_the_camera_is_told() -> None:
    picture = scene("day")
    known = after(quiet(picture, 20))
    hidden = picture.copy()
    hidden[:, 10:] = np.random.default_rng(1).integers(90, 110, (240, 310, 1))
    assert seen(quiet(hidden, 80), known) == [WELL, MOVED]


def test_a_mast_in_the_wind_is_well() -> None:
    picture = scene("day")
    swaying = (np.roll(noise(picture, number, 1.0), number % 3 - 1, axis=1) for number in range(80))
    assert seen(swaying) == [WELL]


@pytest.mark.parametrize("camera", [0, 1])
def test_nightfall_is_no_moved_camera(camera: int) -> None:
    day, night = scene("day", camera=camera).astype(np.float32), scene("night", camera=camera).astype(np.float32)

    def evening(number: int) -> Pixels:
        share = min(1.0, number / 240)
        return noise(((1 - share) * day + share * night).astype(np.uint8), number, 1.5)

    assert seen(evening(number) for number in range(320)) == [WELL]


def test_looks_at_pictures_of_any_size_can_be_compared() -> None:
    picture = scene("day")
    known = after(quiet(picture, 20))
    larger: Callable[[Pixels], Pixels] = lambda one: np.repeat(np.repeat(one, 2, axis=0), 2, axis=1)  # noqa: E731
    assert seen((larger(one) for one in quiet(picture, 60)), known) == [WELL]
    assert look_at(np.zeros((3, 5, 3), np.uint8), 0.0).small.shape == (48, 64)


def test_the_limits_decide() -> None:
    patient = replace(LIMITS, frozen_after=1000.0)
    known = Known()
    for number in range(100):
        known = judge(known, look_at(scene("day"), number * 0.5), patient)
    assert known.state is WELL
