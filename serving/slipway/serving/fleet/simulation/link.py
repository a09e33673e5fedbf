"""A device's way to the channel's files, which fails as the simulation plans; signatures are the client's to check."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from slipway.serving.channel.folder_transport import FolderTransport
from slipway.serving.channel.transport import TransferFailed

PIECE = 64 * 1024


@dataclass
class Link:
    """A `Transport` over a folder; what is wrong with it may be changed at any time."""

    folder: Path
    offline: bool = False
    breaks_after: int | None = None
    """Bytes of each file."""
    truncates_at: int | None = None
    endless: bool = False
    turns_bit: bool = False

    @property
    def place(self) -> str:
        return "the simulated channel"

    def open(self, path: str, start: int = 0) -> Iterator[bytes]:
        if self.offline:
            raise TransferFailed("There is no network.")
        return self._pieces(path, start)

    def _pieces(self, path: str, start: int) -> Iterator[bytes]:
        data = b"".join(FolderTransport(self.folder).open(path))
        if self.turns_bit and data:
            data = bytes([data[0] ^ 1]) + data[1:]
        data = data[: self.truncates_at]
        if self.breaks_after is not None and self.breaks_after < len(data) - start:
            yield data[start : start + self.breaks_after]
            raise TransferFailed(f"{path} broke after {self.breaks_after:,} bytes.")
        yield data[start:]
        if self.endless:
            yield from repeat(b" " * PIECE)
