"""A rendered camera as others open it: the frames of the stream, as RGB."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from slipway.platform.errors import WrongUse
from slipway.training.world.bays import MOST_HIDDEN, shown_bays, view_of
from slipway.training.world.camera import TRUTH, open_camera
from slipway.training.world.recording import Recording
from slipway.training.world.scenarios import scenario_of
from slipway.training.world.sessions import plan
from slipway.training.world.stream import bay_camera, bays_of, camera
from slipway.training.world.traffic import simulate


def test_its_frames_are_those_of_the_stream_in_rgb() -> None:
    wanted = [one.picture[..., ::-1] for one in islice(camera("tiny", "harbour", "gate"), 2)]
    found = list(islice(open_camera("tiny/harbour/gate"), 2))
    assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))
    assert found[0].flags.c_contiguous


def test_without_a_name_it_is_the_first_camera() -> None:
    first = next(open_camera("tiny"))
    assert np.array_equal(first, next(open_camera("tiny/harbour")))
    assert not np.array_equal(first, next(open_camera("tiny/harbour/aisle-east")))


def test_an_unknown_one_is_refused_with_what_there_is() -> None:
    with pytest.raises(WrongUse, match="is no camera of the scenario tiny") as caught:
        open_camera("tiny/harbour/gaet")
    assert "tiny/harbour/gate" in str(caught.value.mend)
    with pytest.raises(WrongUse):
        open_camera("tiny/harbour/gate/N1/more")


def test_a_bay_of_a_camera_is_seen_alone_in_all_lights_of_the_day() -> None:
    assert "N3" in bays_of("tiny", "harbour", "aisle-west")
    wanted = list(islice(bay_camera("tiny", "harbour", "aisle-west", "N3"), 10))
    found = list(islice(open_camera("tiny/harbour/aisle-west/N3"), 10))
    assert {one.shape for one in found} == {(64, 64, 3)}
    assert all(np.array_equal(one, other.picture[..., ::-1]) for one, other in zip(found, wanted, strict=True))
    assert {one.light for one in wanted} == {"day", "night"}


def test_a_bay_that_others_hide_or_that_somebody_drives_into_is_not_seen() -> None:
    session = next(one for one in plan(scenario_of("tiny")) if one.site.name == "harbour")
    place = next(one for one in session.site.cameras if one.name == "aisle-west")
    steps = simulate(session.site, session.vehicles, session.chance.of("traffic"), session.scenario.seconds)
    recording = Recording(session, place, steps)
    bay, area = next((bay, area) for bay, area in shown_bays(recording) if bay.name == "N3")
    view, seen = view_of(recording, bay, area), []
    for step in range(0, len(recording.steps), 100):
        shown = view(step)
        moving = any(pose.bay == "N3" and not pose.parked for pose in recording.steps[step])
        assert shown is None or (not moving and shown.hidden <= MOST_HIDDEN)
        seen += [] if shown is None else [shown]
    assert 0 < len(seen) < len(recording.steps) // 100
    found = islice(bay_camera("tiny", "harbour", "aisle-west", "N3"), len(seen))
    assert all(np.array_equal(one.picture, other.picture) for one, other in zip(found, seen, strict=True))


def test_a_camera_with_infrared_lamps_has_no_colours_at_night_and_all_by_day() -> None:
    seen = zip(
        islice(open_camera("tiny+infrared/harbour/aisle-west/N3"), 10),
        islice(bay_camera("tiny", "harbour", "aisle-west", "N3"), 10),
        strict=True,
    )
    for found, truly in seen:
        grey = bool((found == found[..., :1]).all())
        assert grey is (truly.light == "night")
        assert grey or np.array_equal(found, truly.picture[..., ::-1])
        assert abs(found.mean() - truly.picture.mean()) < 1


def test_what_is_dark_by_day_is_bright_at_night_to_a_camera_that_sees_heat() -> None:
    eyes, heat = (islice(open_camera(f"tiny+{sense}/harbour/aisle-west/N3"), 10) for sense in ("infrared", "heat"))
    lights = [one.light for one in islice(bay_camera("tiny", "harbour", "aisle-west", "N3"), 10)]
    for seen, warm, light in zip(eyes, heat, lights, strict=True):
        if light == "night":
            assert np.abs(warm.astype(float) - (160.0 - seen.astype(float)).clip(0, 255)).max() <= 1
        else:
            assert np.array_equal(seen, warm)


def test_a_sense_that_no_camera_has_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"No camera is `\+heet`") as caught:
        open_camera("tiny+heet/harbour/aisle-west/N3")
    assert "heat" in str(caught.value.mend)


def test_a_bay_that_a_camera_does_not_show_is_refused_with_those_it_shows() -> None:
    with pytest.raises(WrongUse, match="shows no bay `N99`") as caught:
        open_camera("tiny/harbour/aisle-west/N99")
    assert "N9" in str(caught.value.mend)
    with pytest.raises(WrongUse):
        open_camera("tiny/harbour/aisle-west/N3/more")


def test_what_is_true_of_a_bay_is_written_down_where_somebody_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRUTH, str(tmp_path / "truth"))
    true = [(one.occupied, one.light) for one in islice(bay_camera("tiny", "harbour", "aisle-west", "N3"), 30)]
    list(islice(open_camera("tiny/harbour/aisle-west/N3"), 30))
    lines = [json.loads(line) for line in (tmp_path / "truth/harbour.aisle-west.N3.jsonl").read_text().splitlines()]
    told = [(one["truth"] == "occupied", one["light"]) for one in lines]
    assert told == [one for number, one in enumerate(true) if number == 0 or one != true[number - 1]]
    assert len({one for one, _ in told}) == 2
