"""A camera without end: the frames that a site's camera delivers, day after day, for tests of what runs on streams.

The same code paints them as renders snapshots, so a stream shows a model what it was trained on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion
from slipway.training.world.frames import Seen
from slipway.training.world.ground import Image
from slipway.training.world.recording import Recording
from slipway.training.world.scenarios import scenario_of
from slipway.training.world.sessions import Session, plan
from slipway.training.world.sites import CameraPlace
from slipway.training.world.traffic import STEP, simulate


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


def camera(scenario: str, site: str, name: str, every: float = 1.0) -> Iterator[Frame]:
    """The frames of a camera, one in so many seconds; after the last session the days begin anew with other traffic."""
    sessions = [one for one in plan(scenario_of(scenario)) if one.site.name == site]
    places = {place.name: place for one in sessions for place in one.site.cameras}
    if name not in places:
        raise WrongUse(f"The scenario `{scenario}` has no camera `{site}/{name}`.", mend=suggestion(name, places))
    return _frames(sessions, places[name], max(1, int(every / STEP)))


def _frames(sessions: list[Session], place: CameraPlace, stride: int) -> Iterator[Frame]:
    number, lap = 0, 0
    while True:
        for session in sessions:
            told = session if lap == 0 else replace(session, name=f"{session.name}.{lap}")
            steps = simulate(told.site, told.vehicles, told.chance.of("traffic"), told.scenario.seconds)
            recording = Recording(told, place, steps)
            stage = recording.stage(recording.camera)
            for step in range(0, len(steps), stride):
                picture, seen = stage.paint(steps[step], recording.chance.of("scene", step))
                yield Frame(number, told.day, recording.clock(step), picture, tuple(seen), told)
                number += 1
        lap += 1
