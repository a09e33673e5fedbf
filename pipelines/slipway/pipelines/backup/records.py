"""What a backup says of itself: its parts, and the sha256 and size of everything in them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from slipway.platform.runs.records import Record


class Piece(Record):
    """Content that lies beside the backups, under its sha256."""

    sha256: str
    size: int


class Kept(Record):
    """A part as it was."""

    name: str
    kind: str
    """`objects`, `sqlite`, `postgresql` or `file`: what it can be put back into."""
    where: str
    """Where it was, without a password; for people."""
    pieces: Mapping[str, Piece]
    """By key; a database is one piece."""

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        return sum(one.size for one in self.pieces.values())


class Backup(Record):
    """One backup. What it says was copied was copied completely, or there is no such record."""

    format: Literal[1] = 1
    begun: datetime
    ended: datetime
    context: str
    without: tuple[str, ...] = ()
    """Parts that somebody left out."""
    parts: tuple[Kept, ...]

    def part(self, name: str) -> Kept | None:
        """The part of that name."""
        return next((one for one in self.parts if one.name == name), None)

    @property
    def pieces(self) -> dict[str, int]:
        """Sizes by sha256 of all that it needs."""
        return {piece.sha256: piece.size for part in self.parts for piece in part.pieces.values()}
