"""A camera without end: the frames that a site's camera delivers, day after day, for tests of what runs on streams.

The same code paints them as renders snapshots, so a stream shows a model what it was trained on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.training.world.bays import shown_bays, view_of
from slipway.training.world.frames import Seen
from slipway.training.world.ground import Image
from slipway.training.world.recording import Recording
from slipway.training.world.scenarios import scenario_of
from slipway.training.world.sessions import Session, plan
from slipway.training.world.sites import CameraPlace
from slipway.training.world.traffic import STEP, simulate

BAY_EVERY: Final = 10.0
"""Seconds between two pictures of a bay: whoever parks stays, so a day's lights are seen in few of them."""


@dataclass(frozen=True)
class Frame:
    """One picture of a stream, with what is truly in it."""

    number: int
    day: str
    time: float
    """Seconds since midnight, by the camera's clock."""
    picture: Image
    """Blue, green, red."""
    seen: tuple[Seen, ...]
    session: Session


@dataclass(frozen=True)
class BayFrame:
    """One picture of one bay, as snapshots have them in the view `bay`."""

    picture: Image
    """Blue, green, red."""
    occupied: bool
    light: str


def camera(scenario: str, site: str, name: str, every: float = 1.0) -> Iterator[Frame]:
    """The frames of a camera, one in so many seconds; after the last session the days begin anew with other traffic."""
    return _frames(*_found(scenario, site, name), _stride(every))


def bays_of(scenario: str, site: str, name: str) -> list[str]:
    """The bays that a camera shows well enough to be looked at one by one."""
    sessions, place = _found(scenario, site, name)
    return [bay.name for bay, _ in shown_bays(Recording(sessions[0], place, []))]


def bay_camera(scenario: str, site: str, name: str, bay: str, every: float = BAY_EVERY) -> Iterator[BayFrame]:
    """The part of a camera's picture that is one bay, read out in its full resolution.

    As in snapshots, there is no picture while somebody drives into the bay or leaves, and none where others hide it.
    """
    known = bays_of(scenario, site, name)
    if bay not in known:
        raise WrongUse(
            f"The camera `{site}/{name}` of the scenario `{scenario}` shows no bay `{bay}`.",
            mend=suggestion(bay, known),
        )
    return _bay_frames(*_found(scenario, site, name), bay, _stride(every))


def _found(scenario: str, site: str, name: str) -> tuple[list[Session], CameraPlace]:
    sessions = [one for one in plan(scenario_of(scenario)) if one.site.name == site]
    places = {place.name: place for one in sessions for place in one.site.cameras}
    if name not in places:
        raise WrongUse(f"The scenario `{scenario}` has no camera `{site}/{name}`.", mend=suggestion(name, places))
    return sessions, places[name]


def _stride(every: float) -> int:
    return max(1, int(every / STEP))


def _frames(sessions: list[Session], place: CameraPlace, stride: int) -> Iterator[Frame]:
    number = 0
    for recording in _recordings(sessions, place):
        stage, session = recording.stage(recording.camera), recording.session
        for step in range(0, len(recording.steps), stride):
            picture, seen = stage.paint(recording.steps[step], recording.chance.of("scene", step))
            yield Frame(number, session.day, recording.clock(step), picture, tuple(seen), session)
            number += 1


def _bay_frames(sessions: list[Session], place: CameraPlace, name: str, stride: int) -> Iterator[BayFrame]:
    for recording in _recordings(sessions, place):
        bay, area = next((bay, area) for bay, area in shown_bays(recording) if bay.name == name)
        view = view_of(recording, bay, area)
        for step in range(0, len(recording.steps), stride):
            if (shown := view(step)) is not None:
                yield BayFrame(shown.picture, shown.occupied, recording.session.light.name)


def _recordings(sessions: list[Session], place: CameraPlace) -> Iterator[Recording]:
    """Session after session; after the last one the days begin anew with other traffic."""
    lap = 0
    while True:
        for session in sessions:
            told = session if lap == 0 else replace(session, name=f"{session.name}.{lap}")
            steps = simulate(told.site, told.vehicles, told.chance.of("traffic"), told.scenario.seconds)
            yield Recording(told, place, steps)
        lap += 1
