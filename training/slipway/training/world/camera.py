"""A rendered site's camera as a source of frames, `world:SCENARIO[+infrared|+heat][/SITE[/CAMERA[/BAY]]]`.

With `+infrared` a camera has no colours at night, as many real ones that see by infrared lamps then. With `+heat` it
sees what is warm at night: no colours either, and what is dark by day is bright.
Reached through the entry point `slipway.cameras`. Light to import; the world is loaded when a camera is opened. Of a
camera that looks at one bay the truth is written down as well, where `SLIPWAY_WORLD_TRUTH` names a folder: whoever
plays a person who labels can look it up there. It is a line for each change, and no device reads it.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from slipway.training.world.stream import BayFrame

TRUTH: Final = "SLIPWAY_WORLD_TRUTH"
NIGHT: Final = "night"
LARGEST_TRUTH: Final = 1_000_000
"""Bytes of one file; then it is put aside as `.1`."""

WARMEST: Final = 160.0
"""How bright the blackest place is to a camera that sees heat."""

Picture = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.float64]


def open_camera(address: str) -> Iterator[Picture]:
    """The frames of a camera, a second apart, red, green, blue; without a name those of the scenario's first.

    With a bay, pictures of that one alone, 10 s apart, as a model of bays is trained on.
    """
    from slipway.platform.errors import WrongUse
    from slipway.platform.names import suggestion
    from slipway.training.world.scenarios import scenario_of
    from slipway.training.world.sessions import plan
    from slipway.training.world.stream import bay_camera, camera

    name, *rest = address.split("/")
    plain, plus, sense = name.partition("+")
    scenario = scenario_of(plain)
    if plus and sense not in AT_NIGHT:
        raise WrongUse(f"No camera is `+{sense}` at night.", mend=suggestion(sense, AT_NIGHT))
    see = AT_NIGHT[sense] if plus else None
    cameras = list(dict.fromkeys((one.site.name, place.name) for one in plan(scenario) for place in one.cameras))
    place, bay = rest[:2], rest[2:]
    wanted = [one for one in cameras if list(one[: len(place)]) == place]
    if not wanted or len(bay) > 1:
        known = [f"{name}/{site}/{place}" for site, place in cameras]
        raise WrongUse(f"`world:{address}` is no camera of the scenario {name}.", mend=suggestion(address, known))
    if bay:
        bays = bay_camera(scenario.name, *wanted[0], bay[0])
        return _bay(bays, "/".join((*wanted[0], bay[0])), see)
    frames = camera(scenario.name, *wanted[0])
    return (_seen(frame.picture, frame.session.light.name, see) for frame in frames)


def _infrared(grey: Grey) -> Grey:
    return grey


def _heat(grey: Grey) -> Grey:
    return (WARMEST - grey).clip(0, 255)


AT_NIGHT: Final[Mapping[str, Callable[[Grey], Grey]]] = {"infrared": _infrared, "heat": _heat}
"""What cameras without colours make of how bright a place is to the eye."""


def _seen(picture: Picture, light: str, see: Callable[[Grey], Grey] | None) -> Picture:
    """Red, green, blue; all the same where the camera has no colours."""
    if see is not None and light == NIGHT:
        grey = see(picture.mean(-1, keepdims=True)).round().astype(np.uint8)
        return np.ascontiguousarray(np.broadcast_to(grey, picture.shape))
    return np.ascontiguousarray(picture[..., ::-1])


def _bay(frames: "Iterator[BayFrame]", place: str, see: Callable[[Grey], Grey] | None) -> Iterator[Picture]:
    folder = os.environ.get(TRUTH)
    before: tuple[bool, str] | None = None
    for frame in frames:
        now = frame.occupied, frame.light
        if folder and now != before:
            _write(Path(folder) / f"{place.replace('/', '.')}.jsonl", *now)
            before = now
        yield _seen(frame.picture, frame.light, see)


def _write(path: Path, occupied: bool, light: str) -> None:  # noqa: FBT001 - what is written
    """What is true from now on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_TRUTH:
        path.replace(path.with_suffix(".jsonl.1"))
    line = {"at": datetime.now(UTC).isoformat(), "truth": "occupied" if occupied else "free", "light": light}
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
