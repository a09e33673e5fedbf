"""The little fleet: which devices there are, where they belong, which models they follow, and how patient they are.

A laptop's devices are hasty: they look at the channel and tell of themselves every few seconds, and trust a release
after as many, so that a rollout takes a minute and not a week.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway.pipelines.local.place import Place
from slipway.platform.errors import WrongUse

if TYPE_CHECKING:
    from pathlib import Path

SITE: Final = "north"
MOST: Final = 12
DEVICES: Final = tuple(f"{SITE}-{number}" for number in range(1, MOST + 1))
PILOT: Final = "pilot"
"""The cohort of the first device, which gets a release before the others."""
CLASS: Final = "edge-cpu"
CPU: Final = "cpu"
REPORT_SECONDS: Final = 3.0
HASTE: Final[Mapping[str, Any]] = {
    "polling": {"every_s": 5, "longest_s": 10},
    "probation": {"seconds": 20, "sample": 150, "longest": 3600, "every": 0.5},
    "window_s": 3,
    "latency_times": 50,
}
"""Of `device.json`. A rendered day has up to 26 seconds, and answers of a part of it are distributed like those of no
other part: a good release would go back by itself. How long something takes says little of a release while the same
machine trains the next one."""


@dataclass(frozen=True)
class Device:
    """One of them, as it should be."""

    id: str
    device_class: str
    models: tuple[str, ...]
    cohorts: tuple[str, ...] = ()
    site: str = SITE

    def home(self, place: Place) -> "Path":
        """Its folder."""
        return place.folder / "devices" / self.id


def devices_wanted(agents: int) -> Sequence[Device]:
    """So many devices; none where no model can run on this machine."""
    if not 0 <= agents <= MOST:
        raise WrongUse(f"The local stack has up to {MOST} agents; found {agents}.", mend="--agents 3")
    models, device_class = models_and_class()
    if not models:
        return ()
    return [
        Device(name, device_class, models, (PILOT,) if number == 0 else ())
        for number, name in enumerate(DEVICES[:agents])
    ]


def device_wanted(name: str) -> Device:
    """The device of this name."""
    found = next((one for one in devices_wanted(MOST) if one.id == name), None)
    if found is None:
        raise WrongUse(f"`{name}` is no device of the local stack, or no model can run on it.")
    return found


def models_and_class() -> tuple[tuple[str, ...], str]:
    """The class of devices with a plain processor that models are made for, and these models."""
    from slipway.platform.models.finder import installed_models

    classes = {
        name: {one for one, about in model.declaration.devices.items() if about.runtime == CPU}
        for name, model in installed_models().items()
    }
    votes = Counter(one for found in classes.values() for one in found)
    if not votes:
        return (), CLASS
    device_class = CLASS if CLASS in votes else min(votes, key=lambda one: (-votes[one], one))
    return tuple(name for name, found in classes.items() if device_class in found), device_class
