"""Who signs the simulated channel: what a simulation needs of real keys, and what a thief of some of them can do."""

from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from slipway.serving.channel.pointer import Pointer
from slipway.serving.channel.release import Release

CLASS: Final = "edge-cpu"
"""Of all devices, and all that is meant for them."""


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

    def release(self, number: int, *, floor: int, device_class: str) -> Release:
        """Sign a release of a small bundle of its own, made for that class; devices see it with the next pointer."""

    def point(self, *, base: Release | None, target: Release | None, share: float) -> Pointer:
        """Sign the next pointer, and what leads to it."""

    def renew(self) -> None:
        """New dates on what the rollout service signs, as nothing else is to be told."""

    def thief(self, folder: Path) -> Thief:
        """The keys are stolen, and the channel is copied as it is."""
