"""Who signs the simulated channel: what a simulation needs of real keys, and what a thief of some of them can do."""

from datetime import datetime
from pathlib import Path
from typing import Protocol

from slipway.serving.channel.pointer import Pointer, Wave
from slipway.serving.channel.release import Release
from slipway.serving.fleet.simulation.runtime import Plan


class Thief(Protocol):
    """Somebody with a copy of the channel and the rollout service's keys (channels, snapshot, timestamp)."""

    @property
    def folder(self) -> Path:
        """What this one's devices read."""

    def point(self, pointer: Pointer) -> None:
        """Sign a pointer and show it."""

    def show(self) -> None:
        """A new snapshot and timestamp of what lies there."""


class Signers(Protocol):
    """A channel of one model, and those who sign it."""

    @property
    def model(self) -> str:
        """Of all its releases."""

    @property
    def folder(self) -> Path:
        """What devices read."""

    def root(self) -> bytes:
        """The root that devices are enrolled with."""

    def dated(self, now: datetime) -> None:
        """What is signed from here on is signed at that date."""

    def release(self, number: int, *, floor: int, plan: Plan) -> Release:
        """Sign a release of a small bundle of its own, made as planned; devices see it with the next pointer."""

    def point(self, *, base: Release | None, target: Release | None, wave: Wave, **said: object) -> Pointer:
        """Sign the next pointer, with what else it says, and what leads to it."""

    def renew(self) -> None:
        """New dates on what the rollout service signs, as nothing else is to be told."""

    def thief(self, folder: Path, *, stolen: bool = True) -> Thief:
        """The keys are stolen, and the channel is copied as it is; or somebody does so who has another's keys."""
