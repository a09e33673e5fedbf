"""A rendered site's camera as a source of frames, `world:SCENARIO[/SITE[/CAMERA]]`.

Reached through the entry point `slipway.cameras`. Light to import; the world is loaded when a camera is opened.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def open_camera(address: str) -> Iterator[npt.NDArray[np.uint8]]:
    """The frames of a camera, a second apart, red, green, blue; without a name those of the scenario's first."""
    from slipway.platform.errors import WrongUse
    from slipway.platform.names import suggestion
    from slipway.training.world.scenarios import scenario_of
    from slipway.training.world.sessions import plan
    from slipway.training.world.stream import camera

    name, *rest = address.split("/")
    scenario = scenario_of(name)
    cameras = list(dict.fromkeys((one.site.name, place.name) for one in plan(scenario) for place in one.cameras))
    wanted = [one for one in cameras if list(one[: len(rest)]) == rest]
    if not wanted:
        known = [f"{name}/{site}/{place}" for site, place in cameras]
        raise WrongUse(f"`world:{address}` is no camera of the scenario {name}.", mend=suggestion(address, known))
    frames = camera(scenario.name, *wanted[0])
    return (np.ascontiguousarray(frame.picture[..., ::-1]) for frame in frames)
