"""How a device reaches a channel's static files: over HTTP, from a folder such as a USB stick, or from memory in tests.

A transport moves bytes and believes nothing. Sizes, digests and signatures are checked by whoever reads.
"""

from collections.abc import Iterator
from typing import Protocol

from slipway.serving.channel.errors import ChannelError


class NotThere(ChannelError):
    """The channel has no such file."""


class TransferFailed(ChannelError):
    """The bytes did not come: no network, a broken link, a server that fails or is too slow. Worth another try."""


class Skipped(bytes):
    """An empty piece: so many bytes came that nobody wants, as from a server that begins at the first one always."""

    size = 0

    @classmethod
    def of(cls, size: int) -> "Skipped":
        """The piece that says so."""
        made = cls()
        made.size = size
        return made


class Transport(Protocol):
    """A channel's files by their paths (see `paths`)."""

    @property
    def place(self) -> str:
        """Where it reads, for people."""

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The file's bytes from `start` on, in pieces; `NotThere` or `TransferFailed`, also between two pieces.

        What came in front of them stands among the pieces as `Skipped`, for whoever counts what comes.
        `Untrusted` where something lies there that no channel has, such as a link.
        """
