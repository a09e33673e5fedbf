"""Who is told how far something is that takes longer than a person waits without a word."""

from typing import Final, Protocol


class Meter(Protocol):
    """Shows how far it is."""

    def expect(self, step: str, total: int) -> None:
        """So many bytes are to come."""

    def advance(self, count: int) -> None:
        """So many more have."""


class _Silent:
    def expect(self, step: str, total: int) -> None:
        """Nobody watches."""

    def advance(self, count: int) -> None:
        """Nobody watches."""


SILENT: Final[Meter] = _Silent()
