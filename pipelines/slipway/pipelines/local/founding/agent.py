"""An agent of the little fleet: `python -m slipway.pipelines.local.founding.agent DEVICE`.

It sees to it that the device's folder is enrolled, which takes an operator's key and the fleet service, and becomes
`slipway-edge run`. From then on the process has nothing of the project but the folder: no key, no setting.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from slipway.pipelines.local.founding.cameras import TRUTH, truth_folder
from slipway.pipelines.local.founding.fleets import Device, device_wanted
from slipway.pipelines.local.place import STACK, Place

EVENTS: Final = "events.jsonl"
SETTINGS: Final = "SLIPWAY_"
FRUGAL: Final = {"MALLOC_ARENA_MAX": "2"}
"""Several agents share one machine, and each has many threads that allocate pictures."""


def command_of(place: Place, device: str) -> Sequence[str]:
    """What runs the agent of a device."""
    return [place.python, "-P", "-m", "slipway.pipelines.local.founding.agent", device]


def program_of(place: Place, device: Device) -> Sequence[str]:
    """What it becomes."""
    home = device.home(place)
    return [place.program("slipway-edge"), "run", "--home", str(home), "--events", str(home / EVENTS)]


def environ_of(place: Place, device: Device, environ: Mapping[str, str]) -> dict[str, str]:
    """With what; nothing of the project's settings."""
    kept = {name: value for name, value in environ.items() if not name.startswith(SETTINGS) or name == STACK}
    return {**kept, **FRUGAL, TRUTH: str(truth_folder(place, device.id))}


def run(name: str, environ: Mapping[str, str], folder: Path) -> NoReturn:
    """Enrol where that is needed, and become the agent."""
    from slipway.pipelines.local.founding.device import ensure_enrolled
    from slipway.platform.settings import load
    from slipway.serving.edge.configuration import Home

    loaded = load(folder, environ)
    place, device = Place(loaded.root, environ), device_wanted(name)
    if done := ensure_enrolled(loaded, device, Home(device.home(place))):
        sys.stderr.write(f"{done}\n")
    command = program_of(place, device)
    os.execve(command[0], [*command], environ_of(place, device, environ))  # noqa: S606 - it becomes the agent


def main() -> int:
    """For a component of the stack."""
    from slipway.platform.errors import SlipwayError
    from slipway.serving.errors import SlipwayError as EdgeError

    try:
        run(sys.argv[1], os.environ, Path.cwd())
    except (SlipwayError, EdgeError) as error:
        sys.stderr.write(f"{sys.argv[1]}: {error} {error.mend or ''}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
