"""A device's way to the channel's files, which fails as the simulation plans; signatures are the client's to check."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.transport import TransferFailed

PIECE = 64 * 1024


@dataclass
class Link:
    """A `Transport` over a folder; what is wrong with it may be changed at any time."""

    folder: Path
    mixed: Path | None = None
    """Another state of the channel, from which some files come."""
    offline: bool = False
    breaks: bool = False
    """At any byte of some files."""
    breaks_after: int | None = None
    """Bytes of each file."""
    truncates_at: int | None = None
    endless: bool = False
    turns_bit: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - it has to replay

    @property
    def place(self) -> str:
        return "the simulated channel"

    def heal(self, folder: Path) -> None:
        """All is well again."""
        vars(self).update(vars(Link(folder, chance=self.chance)))

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        if self.offline:
            raise TransferFailed("There is no network.")
        return self._pieces(path, start)

    def _pieces(self, path: str, start: int) -> Iterator[bytes]:
        folder = self.folder if self.mixed is None or self.chance.random() < 1 / 2 else self.mixed
        data = b"".join(FolderTransport(folder).open(path))
        if self.turns_bit and data:
            data = bytes([data[0] ^ 1]) + data[1:]
        data = data[: self.truncates_at]
        after = self.breaks_after
        if self.breaks and self.chance.random() < 1 / 4:
            after = self.chance.randrange(len(data) + 1)
        if after is not None and after < len(data) - start:
            yield data[start : start + after]
            raise TransferFailed(f"{path} broke after {after:,} bytes.")
        yield data[start:]
        if self.endless:
            yield from repeat(b" " * PIECE)
