"""All that was signed, by whom it may have been, and for whom: what no device knows, and invariants are held against.

Nothing here asks the agent's own guards, so a guard that is gone is seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from slipway.serving.channel.pointer import Named, Pointer, Wave
from slipway.serving.channel.release import Release
from slipway.serving.edge.agent.effects import Device
from slipway.serving.fleet.simulation.runtime import Plan

_includes = Wave.includes


@dataclass
class Record:
    """What there is."""

    plans: dict[str, Plan] = field(default_factory=dict)
    """By bundle, how it does."""
    releases: dict[int, Release] = field(default_factory=dict)
    """What the release key signed."""
    pointers: list[Pointer] = field(default_factory=list)
    """What the rollout key signed, a thief's as well."""

    def sign(self, release: Release, plan: Plan) -> None:
        """A release was signed."""
        self.releases[release.number] = release
        self.plans[release.bundle] = plan

    def is_signed(self, number: int, bundle: str) -> bool:
        """Whether the release key said so."""
        found = self.releases.get(number)
        return found is not None and found.bundle == bundle

    def bad(self, bundle: str) -> bool:
        """Whether nobody should go on with it."""
        return self.plans[bundle].is_bad


def floor_of(pointer: Pointer, releases: Mapping[int, Release]) -> int:
    """The highest floor that whoever believes a pointer has seen."""
    named = (pointer.base, pointer.target)
    return max((releases[one.number].floor for one in named if one and one.number in releases), default=0)


def allows(pointer: Pointer, device: Device, named: Named, now: datetime) -> bool:
    """Whether a device may begin with a release; exposure beyond the wave is what it does not allow."""
    if any(pin.release == named and now < pin.until for pin in pointer.pinned(device.id, device.site)):
        return True
    if named == pointer.base:
        return True
    held = pointer.paused or pointer.wave.kind == "shadow"
    held = held or (pointer.frozen_until is not None and now < pointer.frozen_until)
    return named == pointer.target and not held and _includes(pointer.wave, device.id, device.cohorts)
