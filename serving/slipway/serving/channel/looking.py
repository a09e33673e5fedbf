"""What a device learns from one look at a channel, and the interface of whoever looks.

`client.ChannelClient` is the real one (python-tuf). The agent knows only this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from slipway.serving.bundle.manifest import Manifest
from slipway.serving.channel.pointer import Pointer
from slipway.serving.channel.release import Release


@dataclass(frozen=True)
class Remote:
    """A file that the release key vouches for."""

    path: str
    """As it is signed, without its digest."""
    size: int
    sha256: str


@dataclass(frozen=True)
class Look:
    """A verified state of a channel, of one model."""

    pointer: Pointer
    base: Release | None
    target: Release | None
    signed_at: datetime
    """The newest date that the verified metadata carries: no earlier than that is it now."""
    good_until: datetime
    """When the first of the signatures that it rests on expires."""
    signers: frozenset[str] = frozenset()
    """The keys that signed the pointer."""
    keys: frozenset[str] = frozenset()
    """The keys that may sign pointers now; a sequence that only others vouched for says nothing any more."""
    pinned: tuple[Release, ...] = ()
    """What the pins of this device lead to, as far as the channel has it."""


class Channel(Protocol):
    """A channel as devices see it.

    What goes wrong is a `ChannelError`: `Untrusted`, `NotThere`, `TransferFailed`, or `CannotRemember` on a full disk.
    `manifest`, `files` and `read` belong to the state of the last look, and need one.
    """

    def look(self, model: str, *, now: datetime) -> Look:
        """Refresh what is trusted and read a model's pointer; `now` is the device's time."""

    def manifest(self, release: Release) -> tuple[Manifest, bytes]:
        """The manifest of a release's bundle, which has the digest that the release names."""

    def files(self, release: Release, names: Sequence[str]) -> tuple[Remote, ...]:
        """Those files of its bundle, as the release key vouches for them."""

    def read(self, remote: Remote, start: int = 0) -> Iterator[bytes]:
        """A file's bytes from `start` on, never more than it has; the digest is for the reader to compare.

        `transport.Skipped` stands for what came in front of them.
        """
